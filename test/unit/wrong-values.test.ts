import { describe, expect, test } from "bun:test";
import { buildCli } from "#cli/cli";
import { davit, loggedIn } from "#test/cli";
import { ANY_TEXT, ARGUMENTS, FLAGS, GOOD, RIGHT, type Wrong, wrong } from "#test/wrong-values";

/*
 * Every flag and every argument is given values that are wrong. Each time davit has to say at once which one it is and what
 * is allowed, before anybody else is asked. What is added to davit needs a line in test/support/wrong-values.ts; wrong-manifest.test.ts is the same
 * for the keys of a manifest.
 */

/** Somebody who is logged in to an agent that tells who asked it. */
async function ready(files: Record<string, string> = {}) {
  const world = await loggedIn({ Dockerfile: "FROM scratch\n", ...files });
  const run = (argv: string[]) => davit(world.home, argv, { stdin: "value\n" });
  return { ...world, run };
}

const commands = (await buildCli()).definitions().map(({ path, usage, options }) => {
  const command = path.replace(/^davit /, "");
  const places = [...usage.slice(path.length).matchAll(/([<[])([^\]>]+)[\]>]/g)].map(([, bracket, name = ""]) => ({ name, needed: bracket === "<" }));
  const flags = options.map(({ definition, description = "" }) => {
    const [names = "", value] = definition.split(" ");
    return {
      flag: names.split(",").find((name) => name.startsWith("--")) ?? names,
      takesValue: value !== undefined,
      mayBeEmpty: description.includes("''"),
    };
  });
  return { command, places, flags };
});

/** The command line that is right: the command, the arguments that it needs, and the flags that it does not go without. */
function rightLine({ command, places }: (typeof commands)[number], instead: Record<string, string> = {}): string[] {
  const given = places.flatMap(({ name, needed }) => instead[name] ?? (needed ? (GOOD[name] ?? []) : []));
  return [...command.split(" "), ...given, ...(RIGHT[command] ?? "").split(" ").filter(Boolean)];
}

const rowOf = (table: Readonly<Record<string, Wrong>>, command: string, name: string) => table[`${command} ${name}`] ?? table[name];
const valued = commands.flatMap((each) => each.flags.filter(({ takesValue }) => takesValue).map((flag) => ({ ...each, ...flag })));
const switches = commands.flatMap((each) => each.flags.filter(({ takesValue }) => !takesValue).map((flag) => ({ ...each, ...flag })));

describe("a wrong value of a flag", () => {
  test.each(valued.map((each) => [each.command, each.flag, each] as const))("davit %s %s", async (command, flag, each) => {
    await using world = await ready();
    const anyText = ANY_TEXT[`${command} ${flag}`];
    const row = anyText === undefined ? rowOf(FLAGS, command, flag) : wrong("");
    if (!row) throw new Error(`davit ${command} ${flag} has no line in test/support/wrong-values.ts: say which values of it are wrong`);
    for (const value of row.values) {
      const { code, out, err } = await world.run([
        ...rightLine(each),
        ...(row.beside ?? []),
        ...(value.startsWith("-") ? [`${flag}=${value}`] : [flag, value]),
      ]);
      expect([value, code, out, err]).toEqual([value, row.exit ?? 2, "", expect.stringContaining(row.says)]);
      if (row.exit === undefined) expect(err).toContain(flag);
    }
    if (!each.mayBeEmpty) {
      const { code, err } = await world.run([...rightLine(each), ...(row.beside ?? []), flag, ""]);
      expect([code, err]).toEqual([2, expect.stringContaining(`${flag} needs a value`)]);
    }
    expect(world.agent.requests).toEqual([]);
  });

  test.each(switches.map((each) => [each.command, each.flag, each] as const))("davit %s %s", async (_, flag, each) => {
    await using world = await ready();
    const { code, err } = await world.run([...rightLine(each), `${flag}=maybe`]);
    expect([code, err]).toEqual([2, expect.stringContaining(`${flag} takes no value`)]);
    expect(world.agent.requests).toEqual([]);
  });
});

test.each([
  "push --route a.test",
  "push --bind mail",
  "app update shop --route a.test",
  "app update shop --bind mail",
  "app update shop --unbind mail",
])("davit %s, 51 times", async (line) => {
  await using world = await ready();
  const [flag = "", value = ""] = line.split(" ").slice(-2);
  const { code, err } = await world.run([...line.split(" "), ...Array(50).fill([flag, value]).flat()]);
  expect([code, err]).toEqual([2, expect.stringContaining(`${flag} can be given 50 times at most`)]);
  expect(world.agent.requests).toEqual([]);
});

test.each(commands.flatMap((each) => each.places.map(({ name }) => [each.command, name, each] as const)))(
  "a wrong argument: davit %s %s",
  async (command, name, each) => {
    await using world = await ready();
    const row = rowOf(ARGUMENTS, command, name);
    if (!row) throw new Error(`${name} of davit ${command} has no line in test/support/wrong-values.ts: say which values of it are wrong`);
    for (const value of row.values.filter((text) => !text.startsWith("-"))) {
      const { code, out, err } = await world.run(rightLine(each, { [name]: value }));
      expect([value, code, out, err]).toEqual([value, 2, "", expect.stringContaining(row.says)]);
    }
    expect(world.agent.requests).toEqual([]);
  },
);

test("no line is of something that is not there any more", () => {
  const has = (name: string, all: readonly string[]) => all.includes(name);
  const flags = valued.flatMap(({ command, flag }) => [flag, `${command} ${flag}`]);
  const places = commands.flatMap(({ command, places }) => places.flatMap(({ name }) => [name, `${command} ${name}`]));
  expect([...Object.keys(FLAGS), ...Object.keys(ANY_TEXT)].filter((name) => !has(name, flags))).toEqual([]);
  expect(Object.keys(ARGUMENTS).filter((name) => !has(name, places))).toEqual([]);
});

import { describe, expect, test } from "bun:test";
import { createHome, davit } from "#test/cli";
import { buildCli, COMMAND_PATHS } from "./cli.ts";

describe("the command line", () => {
  test("each command answers to the words it is filed under", async () => {
    for (const path of COMMAND_PATHS) {
      const [definition, ...others] = (await buildCli([path])).definitions();
      expect(definition?.path).toBe(`davit ${path}`);
      expect(others).toEqual([]);
      expect(definition?.description).not.toBe("");
    }
  });

  test.each([[[]], [["help"]], [["--help"]], [["-h"]]])("%j lists every command on stdout", async (argv) => {
    await using home = await createHome();
    const { code, out, err } = await davit(home, argv);
    for (const path of COMMAND_PATHS) expect(out).toContain(`davit ${path} `);
    expect([code, err]).toEqual([0, ""]);
  });

  test.each([[["help", "push"]], [["push", "--help"]], [["push", "--name", "x", "-h"]]])("%j explains push", async (argv) => {
    await using home = await createHome();
    const { code, out } = await davit(home, argv);
    expect(out).toStartWith("usage: davit push [MANIFEST] [options]\n");
    expect(out).toContain("  -n, --namespace NAME  ");
    expect(out).toContain("\nCommon options\n");
    expect(out).not.toMatch(/#\d|<[A-Z]+> [a-z]/);
    expect(code).toBe(0);
  });

  test.each([[["version"]], [["--version"]], [["-v"]]])("%j", async (argv) => {
    await using home = await createHome();
    expect(await davit(home, argv)).toMatchObject({ code: 0, out: "davit 0.0.0-dev\n" });
  });

  test("version -o json", async () => {
    await using home = await createHome();
    expect(JSON.parse((await davit(home, ["version", "-o", "json"])).out)).toMatchObject({ version: "0.0.0-dev", protocol: 1 });
  });

  test.each([
    [["psuh"], "there is no command `davit psuh`; did you mean `davit push`?"],
    [["app"], "`davit app` is followed by one of: list, show, logs, "],
    [["app", "env"], "`davit app env` is followed by one of: list, set, unset\n"],
    [["app", "lsit"], "there is no command `davit app lsit`; did you mean `davit app list`?"],
    [["qqqqqq"], "there is no command `davit qqqqqq`\n"],
    [["--nope"], "there is no command `davit --nope`"],
    [["help", "nothing"], "there is no command `davit nothing`"],
    [["push", "--nmae", "x"], "davit push has no option --nmae; did you mean --name?"],
    [["push", "-x"], "davit push has no option -x\n"],
    [["push", "--name"], "--name needs a value"],
    [["push", "--yes=maybe"], "--yes takes no value"],
    [["push", "here", "there"], "'there' is one argument too many for davit push"],
    [["push", "-o", "yaml"], "--output is one of text, json, events, not 'yaml'"],
    [["app", "list", "-o", "events"], "--output is one of text, json, not 'events'"],
    [["app", "show"], "davit app show needs an argument more\n        usage: davit app show <NAME> [options]"],
    [["app", "logs", "shop", "--tail", "many"], "--tail is a whole number from 0 to 100000, not 'many'"],
    [["app", "list", "--all", "-n", "x"], "--all and --namespace cannot be given together"],
  ])("%j is complained about on stderr, exit 2", async (argv, why) => {
    await using home = await createHome();
    const { code, out, err } = await davit(home, argv);
    expect(err).toContain(why);
    expect(err).toContain("  next: `davit help");
    expect([code, out]).toEqual([2, ""]);
  });

  test("-o json also for what could not be understood", async () => {
    await using home = await createHome();
    for (const flags of [["-o", "json"], ["--output", "json"], ["--output=json"]]) {
      expect(JSON.parse((await davit(home, ["app", "lsit", ...flags])).out)).toMatchObject({ fault: { code: "usage" } });
    }
  });
});

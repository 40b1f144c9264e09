import { describe, expect, test } from "bun:test";
import { davit, loggedIn, logIn } from "#test/cli";
import { TOKEN } from "#test/fake-agent";
import { buildCli, COMMAND_PATHS } from "../cli.ts";
import { complete } from "./complete.ts";

const BREAKS = " \t\n\"'><=;|&(:";
const nobody = async () => [];

/** What is offered after these words, the last of which is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const { candidates } = await complete(words, nobody, false);
  return candidates.map(({ word }) => word);
}

async function ready() {
  const world = await loggedIn();
  world.agent.apps.push({ namespace: "apps", name: "shop", pushes: [] }, { namespace: "apps", name: "web", pushes: [] });
  const ask = async (...words: string[]) => (await davit(world.home, ["__complete", "zsh", ...words])).out.split("\n").filter(Boolean);
  return { ...world, ask };
}

describe("words of the command line", () => {
  test("lead to every command, and to help about it", async () => {
    for (const path of COMMAND_PATHS) {
      const words = path.split(" ");
      for (const depth of words.keys()) {
        expect(await offered(...words.slice(0, depth), "")).toContain(words[depth] ?? "");
        expect(await offered("help", ...words.slice(0, depth), "")).toContain(words[depth] ?? "");
      }
    }
    expect(await offered("p")).toEqual(["push"]);
    expect(await offered("nothing", "")).toEqual([]);
    expect(await offered("app", "nothing", "")).toEqual([]);
  });

  test("are every option of a command, once, or as often as it may be repeated", async () => {
    for (const path of COMMAND_PATHS) {
      const [definition] = (await buildCli([path])).definitions();
      const given = await offered(...path.split(" "), "--");
      for (const { definition: names } of definition?.options ?? []) {
        const long = /--[\w-]+/.exec(names)?.[0] ?? "";
        expect(given.some((word) => word === long || word === `--no-${long.slice(2)}`)).toBe(true);
      }
      expect(given).toContain("--help");
    }
    const again = await offered("push", "--env", "A=b", "--dry-run", "-n", "x", "--");
    expect(again).toContain("--env");
    for (const word of ["--dry-run", "--namespace"]) expect(again).not.toContain(word);
  });

  test("are the values that there are to choose from", async () => {
    for (const words of [
      ["-o", ""],
      ["--output", ""],
    ])
      expect(await offered("push", ...words)).toEqual(["text", "json", "events"]);
    expect(await offered("app", "list", "-o", "")).toEqual(["text", "json"]);
    expect(await offered("app", "list", "--output=j")).toEqual(["--output=json"]);
    expect(await offered("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  test("are what is said of --output where it is wrong", async () => {
    await using world = await ready();
    for (const path of COMMAND_PATHS) {
      const [definition] = (await buildCli([path])).definitions();
      if (!definition?.options.some(({ definition: names }) => names.includes("--output"))) continue;
      const named = [...(definition?.usage ?? "").matchAll(/[<[]/g)].map(() => "x1");
      const choices = await offered(...path.split(" "), "--output", "");
      const { err } = await davit(world.home, [...path.split(" "), ...named, "--output", "nothing"]);
      expect(err).toContain(`--output is one of ${choices.join(", ")}, not 'nothing'`);
    }
  });

  test("are options where no argument is left, and none after --", async () => {
    expect(await offered("app", "list", "")).toContain("--all");
    expect(await offered("app", "show", "shop", "")).toContain("--help");
    expect(await offered("app", "show", "--", "")).toEqual([]);
    expect(await offered("app", "show", "--", "--")).toEqual([]);
    expect(await offered("install", "--domain", "")).toEqual([]);
    expect(await offered("install", "--domain=")).toEqual([]);
    expect(await offered("install", "--no-such-option=")).toEqual([]);
  });

  test("need no agent, and are described to shells that show it", async () => {
    await using world = await ready();
    expect(await world.ask("who")).toEqual(["words", "whoami\tshow who the agent takes you for, and which agent"]);
    expect(await world.ask("app", "list", "--al")).toEqual(["words", "--all\tin every namespace that you can use"]);
    expect(await world.ask("push", "--path", "")).toEqual(["files"]);
    expect(await world.ask("whoami", "--server", "")).toEqual(["words", world.agent.url]);
    expect(world.agent.requests).toEqual([]);
  });
});

describe("names that the agent knows", () => {
  test("apps, namespaces and configurations, where they are meant", async () => {
    await using world = await ready();
    const { ask, agent } = world;
    agent.configurations.set("apps/mail", {});
    expect(await ask("app", "show", "")).toEqual(["words", "shop", "web"]);
    agent.configurations.set("apps/$(evil)", {});
    expect(await ask("app", "delete", "shop", "w")).toEqual(["words", "web"]);
    expect(await ask("push", "--name=")).toEqual(["words", "--name=shop", "--name=web"]);
    expect(await ask("app", "show", "-n", "")).toEqual(["words", "apps"]);
    expect(await ask("push", "--bind", "")).toEqual(["words", "mail"]);
    expect(await ask("configuration", "bind", "")).toEqual(["words", "mail"]);
    expect(await ask("configuration", "bind", "mail", "")).toEqual(["words", "shop", "web"]);
    expect(await ask("configuration", "create", "")).toEqual(["words"]);
    expect(await ask("app", "env", "set", "shop", "")).toEqual(["words"]);
  });

  test("are those of the namespace and the login that the line names", async () => {
    await using world = await ready();
    logIn(world.home, "http://127.0.0.1:1", { token: TOKEN, namespace: "elsewhere" });
    world.agent.apps.push({ namespace: "team-a", name: "blog", pushes: [] });
    world.agent.namespaces.set("team-a", "2026-01-01T00:00:00Z");
    logIn(world.home, world.agent.url, { token: TOKEN, namespace: "team-a" });
    expect(await world.ask("app", "show", "")).toEqual(["words", "blog"]);
    expect(await world.ask("app", "show", "-n", "apps", "")).toEqual(["words", "shop", "web"]);
    expect(await world.ask("app", "show", "--namespace=apps", "")).toEqual(["words", "shop", "web"]);
    expect(await world.ask("app", "show", "--server", "http://127.0.0.1:1", "")).toEqual(["words"]);
  });

  test("are none, without a word, when there is no login, no agent, or no answer", async () => {
    await using world = await ready();
    const line = ["__complete", "fish", "app", "show", ""];
    const silent = { code: 0, out: "words\n", err: "" };
    world.agent.tokens.clear();
    expect(await davit(world.home, line)).toMatchObject(silent);
    logIn(world.home, "http://127.0.0.1:1", { token: TOKEN });
    expect(await davit(world.home, line)).toMatchObject(silent);
    using deaf = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    logIn(world.home, `http://127.0.0.1:${deaf.port}`, { token: TOKEN });
    expect(await davit(world.home, line)).toMatchObject(silent);
    expect(await davit(world.home, line, { env: { XDG_CONFIG_HOME: "/nonexistent" } })).toMatchObject(silent);
  });
});

test("bash gets what comes after the last of its word breaks, of the words as it would read them", async () => {
  await using world = await ready();
  const ask = async (line: string, breaks = BREAKS) => (await davit(world.home, ["__complete", "bash", breaks, line])).out;
  expect(await ask("davit push --output=j")).toBe("words\njson\n");
  expect(await ask("davit push --output=j", " \t\n")).toBe("words\n--output=json\n");
  expect(await ask("davit  app\tshow s")).toBe("words\nshop\n");
  expect(await ask("'/opt/my tools/davit' app show 's")).toBe("words\nshop\n");
  expect(await ask(`davit whoami --server ${world.agent.url.slice(0, 9)}`)).toBe(`words\n${world.agent.url.slice("http:".length)}\n`);
});

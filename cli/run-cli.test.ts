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
    [["push", "here", "there"], "argument 2 is one too many for davit push"],
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

  test.each([
    "login https://davit.example.com hunter2",
    "login https://davit.example.com --token hunter2",
    "login https://me:hunter2@davit.example.com --token-stdin",
    "--token=hunter2",
    "login --tokn=hunter2 https://davit.example.com",
    "hello hunter2",
    "app hello hunter2",
    "image push registry.example.com/davit:1 --user ci -phunter2",
    "image push https://ci:hunter2@registry.example.com/davit",
    "git-credential create Hunter2 --host git.example.com",
    "git-credential create github hunter2 --password-stdin",
    "git-credential create github --host git.example.com --password hunter2",
    "git-credential create github --host me:hunter2@git.example.com --password-stdin",
    "app env set PASSWORD=hunter2",
    "app env set shop hunter2",
    "app env set shop +hunter2==",
    "app env set shop --stdin hunter2!",
    "app env unset shop PASSWORD=hunter2",
    "app env unset shop hunter2!",
    "app update shop --env hunter2",
    "app update shop --unset-env hunter2!",
    "push --env hunter2",
    "push --env=+hunter2==",
    "push --build-arg hunter2",
    "push --git https://me:hunter2@git.example.com/shop",
    "push --image https://me:hunter2@registry.example.com/shop",
    "push --name PASSWORD=hunter2",
    "configuration create PASSWORD=hunter2",
    "configuration create mail hunter2",
    "configuration create mail --from-file hunter2",
    "configuration update mail --unset hunter2!",
  ])("`davit %s` shows nothing that may be a secret", async (line) => {
    await using home = await createHome();
    const { code, out, err } = await davit(home, [...line.split(" "), "-o", "json"], { stdin: "value" });
    expect(code).toBe(2);
    expect((out + err).toLowerCase()).not.toContain("hunter2");
  });

  test("-o json also for what could not be understood", async () => {
    await using home = await createHome();
    for (const flags of [["-o", "json"], ["--output", "json"], ["--output=json"]]) {
      expect(JSON.parse((await davit(home, ["app", "lsit", ...flags])).out)).toMatchObject({ fault: { code: "usage" } });
    }
  });
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { loggedIn } from "#test/cli";
import { Terminal } from "#test/pty";

/*
 * Each shell as a person has it in front of them: the script is loaded, a line is typed with the key that completes it,
 * and what the shell runs then is what davit is started with. So is seen what the shell made of davit's answers.
 */
const SHELLS: Record<string, { command: string[]; load: string }> = {
  bash: { command: ["bash", "--norc", "--noprofile", "-i"], load: 'eval "$(davit completion bash)"' },
  zsh: { command: ["zsh", "-f", "-i"], load: "autoload -Uz compinit; compinit -u -D; source <(davit completion zsh)" },
  "zsh, by its fpath,": {
    command: ["zsh", "-f", "-i"],
    load: "mkdir f; davit completion zsh > f/_davit; fpath=($PWD/f $fpath); autoload -Uz compinit; compinit -u -D",
  },
  fish: { command: ["fish", "--no-config", "-i"], load: "davit completion fish | source" },
};

/** What the arrow key sends. */
const LEFT = "\x1b[D";

describe.each(Object.entries(SHELLS))("%s completes", (_, { command, load }) => {
  let person: Awaited<ReturnType<typeof atShell>>;
  beforeAll(async () => {
    person = await atShell(command, load);
  });
  afterAll(() => person[Symbol.asyncDispose]());

  test.each([
    ["a command", "davit who\t", "whoami"],
    ["a command of a group", "davit conf\tli\t", "configuration list"],
    ["a command of a group in a group", "davit app env uns\tshop K", "app env unset shop K"],
    ["help about a command", "davit help app log\t", "help app logs"],
    ["an option", "davit push --dry\t", "push --dry-run"],
    ["the way to turn a switch off", "davit push --no-w\t", "push --no-wait"],
    ["a value to choose", "davit app list -o js\t", "app list -o json"],
    ["a value behind '='", "davit app list --output=js\t", "app list --output=json"],
    ["an app", "davit app show sh\t", "app show shop"],
    ["a second app", "davit app delete shop we\t", "app delete shop web"],
    ["an app of another namespace", "davit app show -n team-a blo\t", "app show -n team-a blog"],
    ["a namespace", "davit app list --namespace te\t", "app list --namespace team-a"],
    ["a namespace behind '='", "davit app list --namespace=te\t", "app list --namespace=team-a"],
    ["a configuration, then an app", "davit configuration bind ma\tsh\t", "configuration bind mail shop"],
    ["a login, whose name has colons", "davit whoami --server http://127\t", "whoami --server URL"],
    ["a login behind '='", "davit whoami --server=http://127\t", "whoami --server=URL"],
    ["a file", "davit push --path src/ma\t", "push --path src/main.go"],
    ["a file behind '='", "davit push --path=src/ma\t", "push --path=src/main.go"],
    ["a folder with a blank in its name", "davit push --path my\tx", "push --path my folder/x"],
    ["in the midst of a line", `davit app show sh --verbose${LEFT.repeat(" --verbose".length)}\t`, "app show shop --verbose"],
  ])("%s", async (_, typed, ran) => {
    expect(await person.run(typed)).toBe(ran.replace("URL", person.agent.url));
  });
});

/** A person at a shell who is logged in to an agent with apps, in a folder with files. */
async function atShell(command: string[], load: string) {
  const { home, agent } = await loggedIn({ "src/main.go": "", "my folder/x": "" });
  for (const [namespace, name] of [
    ["apps", "shop"],
    ["apps", "web"],
    ["team-a", "blog"],
  ] as const)
    agent.apps.push({ namespace, name, pushes: [] });
  agent.namespaces.set("team-a", "2026-01-01T00:00:00Z");
  agent.configurations.set("apps/mail", {});
  const [bin, log] = [join(home.path, "bin"), join(home.path, "log")];
  await mkdir(bin);
  await Bun.write(join(bin, "davit"), davitFor(log));
  await chmod(join(bin, "davit"), 0o755);
  const env = { ...home.env, PATH: `${bin}:${home.env.PATH}`, TERM: "dumb", LANG: "C.UTF-8", HISTFILE: "" };
  const terminal = new Terminal(command, { cwd: home.source, env, columns: 200 });
  let seen = 0;
  const run = async (typed: string) => {
    terminal.type(`${typed}\r`);
    seen = await terminal.until(/\[ran\]/, seen);
    return (await readFile(log, "utf8")).trimEnd().split("\n").at(-1);
  };
  await run(`${load}; davit loaded`);
  const asyncDispose = async () => {
    terminal[Symbol.dispose]();
    await agent.endWith(home)();
  };
  return { agent, run, [Symbol.asyncDispose]: asyncDispose };
}

/** A davit that completes as it does, and for all else writes down what it is started with. */
function davitFor(log: string): string {
  const main = join(import.meta.dir, "../main.ts");
  return `#!/bin/sh
case $1 in
  completion | __complete) exec '${process.execPath}' '${main}' "$@" ;;
  *) echo "$*" >> '${log}'; printf '[%s]\\n' ran ;;
esac
`;
}

import { expect, test } from "bun:test";
import { join } from "node:path";
import { davit, loggedIn } from "#test/cli";
import { Terminal } from "#test/pty";

const MAIN = join(import.meta.dir, "..", "main.ts");

/** A home with one app; commands run in its instance are processes of this machine. */
async function withApp() {
  const world = await loggedIn();
  world.agent.apps.push({ namespace: "apps", name: "shop", pushes: [] });
  const exec = (command: string[], options?: Parameters<typeof davit>[2]) => davit(world.home, ["app", "exec", "shop", "--", ...command], options);
  /** `then` is done in the same terminal afterwards. */
  const inTerminal = (command: string, then: string) => {
    const script = `"$@"; echo "davit ended with $?"; ${then}`;
    const args = [process.execPath, MAIN, "app", "exec", "shop", "--", "sh", "-c", command];
    return new Terminal(["sh", "-c", script, "sh", ...args], { cwd: world.home.source, env: { ...world.home.env, TERM: "xterm" } });
  };
  return { ...world, exec, inTerminal };
}

test("stdin goes in, stdout and stderr come out apart, and the exit code is the command's", async () => {
  await using world = await withApp();
  const done = await world.exec(["sh", "-c", "cat; echo complaint >&2; exit 7"], { stdin: "some\nlines" });
  expect(done).toMatchObject({ out: "some\nlines", err: "complaint\n", code: 7 });
  expect(world.agent.sessions.opened).toEqual([
    { namespace: "apps", app: "shop", kind: "exec", order: { command: ["sh", "-c", "cat; echo complaint >&2; exit 7"], tty: false } },
  ]);
});

test("5 MB go in and come out", async () => {
  await using world = await withApp();
  const text = "0123456789abcdef".repeat(5 << 16);
  const done = await world.exec(["cat"], { stdin: text });
  expect(done.out === text).toBe(true);
  expect(done.code).toBe(0);
});

test("without a command it is a shell; an instance can be named", async () => {
  await using world = await withApp();
  const done = await davit(world.home, ["app", "exec", "shop", "--instance", "abc12"], { stdin: "echo it is $((1 + 1))\nexit 3\n" });
  expect(done).toMatchObject({ out: "it is 2\n", code: 3 });
  expect(world.agent.sessions.opened[0]?.order).toMatchObject({ tty: false, instance: "abc12" });
});

test("a command that the image does not have", async () => {
  await using world = await withApp();
  const done = await world.exec(["no-such-program"]);
  expect(done.err).toContain("(command_not_started)");
  expect(done.err).toContain("executable file not found");
  expect(done.err).toContain("`davit app exec shop -n apps -- CMD`");
  expect(done.code).toBe(127);
});

test("an agent that goes away ends the session, and that is said", async () => {
  await using world = await withApp();
  const onOut = () => void world.agent.server.stop(true);
  const done = await world.exec(["sh", "-c", "echo ready; sleep 60"], { onOut });
  expect(done.out).toBe("ready\n");
  expect(done.err).toContain("(agent_lost)");
  expect(done.err).toContain("run it again; what was started may still run in the instance");
  expect(done.code).toBe(21);
});

test("^C without a terminal leaves it", async () => {
  await using world = await withApp();
  const controller = new AbortController();
  const done = await world.exec(["sh", "-c", "echo ready; sleep 60"], { signal: controller.signal, onOut: () => controller.abort() });
  expect(done.err).toContain("(interrupted)");
  expect(done.code).toBe(130);
});

test("in a terminal the command has one too: keys, ^C and the size go through, and afterwards it is as it was", async () => {
  await using world = await withApp();
  using terminal = world.inTerminal("trap 'echo caught; exit 5' INT; while :; do stty size; sleep 0.1; done", "stty -a");
  const first = await terminal.until(/30 100\r+\n/);
  terminal.type("\x03");
  const second = await terminal.until(/caught\r+\ndavit ended with 5/, first);
  await terminal.until(/[^-]isig /, second);
  expect(world.agent.sessions.opened[0]?.order).toMatchObject({ tty: true });
});

test("a terminal that is resized is resized there", async () => {
  await using world = await withApp();
  using terminal = world.inTerminal("while :; do stty size; sleep 0.1; done", "true");
  const first = await terminal.until(/30 100/);
  terminal.resize(77, 33);
  await terminal.until(/33 77/, first);
});

import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Home, loggedIn } from "#test/cli";

/* The process around the commands: exit codes, signals, broken pipes. */
const MAIN = join(import.meta.dir, "main.ts");

function start(home: Home, ...argv: string[]) {
  return Bun.spawn([process.execPath, MAIN, ...argv], { env: home.env, cwd: home.source, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

/** Reads until `word` was there; then the rest is left unread. */
async function readUntil(stream: ReadableStream<Uint8Array>, word: string): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  for (let text = ""; !text.includes(word); ) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended before '${word}': ${text}`);
    text += decoder.decode(value);
  }
  reader.releaseLock();
}

test("exit codes and streams", async () => {
  await using world = await loggedIn();
  const version = start(world.home, "version");
  expect(await version.stdout.text()).toBe("davit 0.0.0-dev\n");
  expect(await version.exited).toBe(0);
  const wrong = start(world.home, "psuh");
  expect(await wrong.stdout.text()).toBe("");
  expect(await wrong.stderr.text()).toContain("did you mean `davit push`?");
  expect(await wrong.exited).toBe(2);
  const agent = start(world.home, "agent", "nothing");
  expect(await agent.stderr.text()).toContain("usage: davit agent");
  expect(await agent.exited).toBe(2);
});

test("^C detaches from a running push, with a result", async () => {
  await using world = await loggedIn();
  world.agent.hold = new Promise(() => {});
  const push = start(world.home, "push", "-o", "json");
  await readUntil(push.stderr, "  live ");
  push.kill("SIGINT");
  expect(JSON.parse(await push.stdout.text())).toMatchObject({ outcome: "detached", revision: 1 });
  expect(await push.exited).toBe(130);
});

test("^C twice leaves at once, when the command is held up by something that does not end", async () => {
  await using world = await loggedIn();
  const started = Promise.withResolvers<void>();
  const bell = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(void started.resolve()) });
  const stubborn = `trap '' TERM; '${process.execPath}' -e 'await fetch("${bell.url}")'; exec sleep 3`;
  const login = start(world.home, "login", world.agent.url, "--token-command", stubborn);
  await started.promise;
  await bell.stop(true);
  login.kill("SIGINT");
  // Two signals of one kind that are pending together count as one.
  login.kill("SIGTERM");
  expect(await login.exited).toBe(130);
});

test("a reader that has seen enough is no error", async () => {
  await using world = await loggedIn();
  world.agent.logLines = Array.from({ length: 20_000 }, (_, number) => ({ instance: "abc12", line: `line ${number}`, at: "2026-01-01T00:00:00Z" }));
  await start(world.home, "push", "--name", "shop").exited;
  const command = `${process.execPath} ${MAIN} app logs shop | head -1; echo "code \${PIPESTATUS[0]}"`;
  const shell = Bun.spawn(["bash", "-c", command], { env: world.home.env, cwd: world.home.source, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  expect([await shell.stdout.text(), await shell.stderr.text()]).toEqual(["abc12 | line 0\ncode 0\n", ""]);
});

test("all of a long output arrives", async () => {
  await using world = await loggedIn();
  world.agent.logLines = Array.from({ length: 20_000 }, (_, number) => ({ instance: "abc12", line: `line ${number}`, at: "2026-01-01T00:00:00Z" }));
  await start(world.home, "push", "--name", "shop").exited;
  const logs = start(world.home, "app", "logs", "shop");
  expect((await logs.stdout.text()).trimEnd().split("\n").length).toBe(20_000);
  expect(await logs.exited).toBe(0);
});

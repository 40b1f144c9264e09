import { expect, test } from "bun:test";
import { loggedIn } from "#test/cli";
import { Terminal } from "#test/pty";
import { binary } from "./davit.ts";

async function withApp() {
  const world = await loggedIn();
  world.agent.apps.push({ namespace: "apps", name: "shop", pushes: [] });
  const start = (...words: string[]) => new Terminal([binary, ...words], { cwd: world.home.source, env: { ...world.home.env, TERM: "xterm" } });
  return { ...world, start };
}

test("a person is asked before something is deleted, and is taken at their word", async () => {
  await using world = await withApp();
  using no = world.start("app", "delete", "shop");
  await no.until(/Delete 'shop' from namespace 'apps'\? \[y\/N\] /);
  no.type("n\r");
  expect(await no.exited).toBe(0);
  expect(no.shown).toContain("nothing was deleted");
  expect(world.agent.app("shop")).toBeDefined();

  using yes = world.start("app", "delete", "shop");
  await yes.until(/\[y\/N\] /);
  yes.type("y\r");
  expect(await yes.exited).toBe(0);
  expect(yes.shown).toContain("shop deleted");
  expect(world.agent.app("shop")).toBeUndefined();
});

test("^C at a question ends the command, with nothing done", async () => {
  await using world = await withApp();
  using terminal = world.start("app", "delete", "shop");
  await terminal.until(/\[y\/N\] /);
  terminal.type("\x03");
  expect(await terminal.exited).toBe(130);
  expect(world.agent.app("shop")).toBeDefined();
});

test("a push in a terminal draws what goes on now in one line, and leaves a line a phase", async () => {
  await using world = await withApp();
  using terminal = world.start("push", "--name", "shop");
  expect(await terminal.exited).toBe(0);
  expect(terminal.shown).toContain("\r\x1b[2K");
  expect(terminal.shown).toMatch(/ {2}stage +1\.2 s {2}built\r\n/);
  expect(terminal.shown).toMatch(/live {2}https:\/\/shop\.apps\.test/);
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exampleOf, examplesAt, runLine, startLine } from "#test/examples";
import { appFiles, BINARY, folder, kubectl, push, tenant } from "#test/lab";
import { door, member } from "#test/member";
import { temporaryFolder } from "#test/temporary";

/*
 * The examples of `davit help` that need a cluster with davit in it, typed as they are written. Only what is a name of
 * somebody's own in them, a server or an instance, is the one that is here.
 */

const DATA = '{"some":"data"}';
const SCRIPT = "#!/bin/sh\nexec cat\n";
const FILES = {
  ...appFiles("the example"),
  Dockerfile: 'FROM oven/bun:1\nCOPY bin /usr/local/bin\nWORKDIR /app\nCOPY . .\nCMD ["bun", "server.ts"]\n',
  "data.json": DATA,
  // Stand in for what an image may have.
  "bin/psql": SCRIPT,
  "bin/ps": SCRIPT,
};

const bin = dirname(BINARY);
const resources = new AsyncDisposableStack();
/** The folder in which the lines are typed. */
let cwd = "";
let env: Record<string, string> = {};
/** What stands in the examples for what is somebody's own. */
let own: [written: string, here: string][] = [];

beforeAll(async () => {
  const space = resources.use(await tenant("examples"));
  const machine = resources.use(await temporaryFolder());
  cwd = machine.path;
  using source = folder(FILES);
  for (const name of ["psql", "ps"]) chmodSync(join(source.path, "bin", name), 0o755);
  const pushed = await push(source.path, ["--name", "shop", "-n", space.name, "--no-route"]);
  expect({ outcome: pushed.outcome, fault: pushed.fault }).toEqual({ outcome: "live", fault: undefined });

  const KUBECONFIG = join(cwd, "kubeconfig");
  await Bun.write(KUBECONFIG, await kubectl("config", "view", "--raw", "--flatten", "--minify"));
  const context = (...args: string[]) => kubectl("--kubeconfig", KUBECONFIG, "config", ...args);
  await context("rename-context", (await context("current-context")).trim(), "production");
  await context("set-context", "--current", "--namespace", space.name);

  // Logged in, so the CA of this installation is known; the examples are of a server with a certificate that all trust.
  const me = resources.use(await member(space.name, "davit-developer", "me"));
  env = { ...me.env, KUBECONFIG, DAVIT_NAMESPACE: space.name };
  for (const [name, text] of Object.entries({ "token-file": me.token, "dump.sql": "select 1;\n" })) await Bun.write(join(cwd, name), text);
  const [pod = ""] = (await kubectl("-n", space.name, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}")).split(" ");
  own = [
    ["https://davit.example.com", (await door()).url],
    ["6d5f8c9b-x7k2p", pod.replace(/^shop-/, "")],
  ];
}, 180_000);
afterAll(() => resources.disposeAsync(), 120_000);

const here = (line: string) => own.reduce((text, [written, real]) => text.replace(written, real), line);
const isForward = (line: string) => exampleOf(line) === "app port-forward";

test.each(examplesAt("cluster").filter((line) => !isForward(line)))("`%s` works", async (line) => {
  const { code, stderr } = await runLine(here(line), { bin, cwd, env });
  expect([code, stderr]).toEqual([0, expect.not.stringContaining("davit:")]);
  if (line.endsWith("> data.json")) expect(readFileSync(join(cwd, "data.json"), "utf8")).toBe(DATA);
});

test.each(examplesAt("cluster").filter(isForward))("`%s` works until it is stopped", async (line) => {
  const child = startLine(here(line), { bin, cwd, env });
  const decoder = new TextDecoder();
  let text = "";
  for (const reader = child.stdout.getReader(); !text.includes("-> port 8080 of shop\n"); ) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended: ${await new Response(child.stderr).text()}`);
    text += decoder.decode(value, { stream: true });
  }
  const [, port] = /:(\d+) -> port 8080/.exec(text) ?? [];
  expect(await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text()).toBe("the example");
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});

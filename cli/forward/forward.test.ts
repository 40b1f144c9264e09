import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { davit, loggedIn } from "#test/cli";
import { freePort } from "#test/free-port";
import { parseForward } from "./ports.ts";

test.each([
  ["8080", { local: 8080, remote: 8080 }],
  ["3000:8080", { local: 3000, remote: 8080 }],
  [":8080", { local: 0, remote: 8080 }],
])("parseForward %s", (text, forward) => expect(parseForward(text)).toEqual(forward));

/** An app that answers HTTP with its port, in an instance that is this machine. */
async function withApp() {
  const world = await loggedIn();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => new Response(`${new URL(request.url).pathname} ${await request.text()}`),
  });
  const port = server.port ?? 0;
  const settings = { source: undefined, routes: [], instances: 1, stopped: false, port, configurations: [], env: {}, buildArgs: {} };
  world.agent.apps.push({ namespace: "apps", name: "shop", pushes: [{ request: {}, settings, events: [] }] });
  const stop = new AbortController();
  const begun = Promise.withResolvers<string>();
  const complained = Promise.withResolvers<string>();
  /** Starts the command and gives what it prints first. */
  const start = async (...argv: string[]) => {
    const run = davit(world.home, ["app", "port-forward", "shop", ...argv], { signal: stop.signal, onOut: begun.resolve, onErr: complained.resolve });
    return { printed: await begun.promise, complained: complained.promise, run };
  };
  return {
    ...world,
    port,
    start,
    stop: () => stop.abort(),
    [Symbol.asyncDispose]: world.agent.endWith(world.home, { [Symbol.dispose]: () => void server.stop(true) }),
  };
}

test("the app's port at a free one; several connections at once; it ends at ^C", async () => {
  await using world = await withApp();
  const { printed, run } = await world.start();
  const [, local] = /^127\.0\.0\.1:(\d+) -> port (\d+) of shop\n$/.exec(printed) ?? [];
  expect(printed).toEndWith(`-> port ${world.port} of shop\n`);
  const bodies = ["one", "two", "three"];
  const answers = bodies.map((body) => fetch(`http://127.0.0.1:${local}/x`, { method: "POST", body, keepalive: false }).then((got) => got.text()));
  expect(await Promise.all(answers)).toEqual(["/x one", "/x two", "/x three"]);
  expect(world.agent.sessions.opened).toHaveLength(3);
  world.stop();
  expect(await run).toMatchObject({ code: 130, err: "" });
  await expect(fetch(`http://127.0.0.1:${local}/x`)).rejects.toThrow();
});

test("several ports, as JSON too; one that does not answer is told of and disturbs no other", async () => {
  await using world = await withApp();
  const local = freePort();
  // Nobody listens on port 1.
  const { printed, complained, run } = await world.start(":1", `${local}:${world.port}`, "-o", "json");
  const [first, second] = JSON.parse(printed);
  expect(second).toEqual({ address: "127.0.0.1", local, remote: world.port });
  await expect(fetch(`http://127.0.0.1:${first.local}/`)).rejects.toThrow();
  expect(await (await fetch(`http://127.0.0.1:${local}/y`, { keepalive: false })).text()).toBe("/y ");
  expect(await complained).toStartWith("a connection ended: ");
  world.stop();
  expect((await run).code).toBe(130);
});

test("a local port that is taken", async () => {
  await using world = await withApp();
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { code, err } = await davit(world.home, ["app", "port-forward", "shop", `${port}:${world.port}`]);
  taken.close();
  expect(err).toContain(`port ${port} of 127.0.0.1 is in use on this machine; choose another with LOCAL:PORT`);
  expect(code).toBe(2);
});

test("an agent that goes away ends connections, and is found again by the next", async () => {
  await using world = await withApp();
  const { printed, run } = await world.start();
  const local = Number(/:(\d+) ->/.exec(printed)?.[1]);
  const socket = connect(local, "127.0.0.1").on("error", () => {});
  socket.write("GET /slow HTTP/1.1\r\nHost: x\r\n");
  while (world.agent.sessions.opened.length === 0) await new Promise((resolve) => setImmediate(resolve));
  world.agent.sessions.closeAll();
  await new Promise((resolve) => socket.on("close", resolve));
  expect(await (await fetch(`http://127.0.0.1:${local}/again`, { keepalive: false })).text()).toBe("/again ");
  world.stop();
  expect((await run).err).toContain("a connection ended: the connection to the agent broke");
});

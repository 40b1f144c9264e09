import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { sha256 } from "#shared/pack";
import type { ExecOrder } from "#shared/sessions";
import { BINARY, DOCKERFILE, davit, folder, kubectl, push, start, tenant } from "#test/lab";
import { type Member, member } from "#test/member";
import { Terminal } from "#test/pty";
import { told } from "#test/session";

const MEGABYTES = 50;

/** HTTP on $PORT; on 7000 a TCP server that takes a connection's bytes to their end and then sends them back. */
const SERVER = `Bun.serve({ port: process.env.PORT, fetch: () => new Response("over HTTP") });
require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
  const parts = [];
  socket.on("data", (part) => parts.push(part)).on("end", () => socket.end(Buffer.concat(parts))).on("error", () => {});
}).listen(7000, "0.0.0.0");
process.on("SIGTERM", () => process.exit(0));
`;

/** A running app, and how to reach it: by an admin's kubeconfig and by a developer's login. */
async function withApp(name: string) {
  const space = await tenant(name);
  using source = folder({ Dockerfile: DOCKERFILE, "server.ts": SERVER });
  const app = space.app(name);
  const dev = await member(space.name, "davit-developer");
  const pushed = await push(source.path, ["--name", app, "-n", space.name]);
  expect({ outcome: pushed.outcome, fault: pushed.fault }).toEqual({ outcome: "live", fault: undefined });
  const end = async () => {
    dev[Symbol.dispose]();
    await space[Symbol.asyncDispose]();
  };
  return { space, app, dev, at: [app, "-n", space.name], [Symbol.asyncDispose]: end };
}

/** A port-forward that runs; `ports` are this machine's. */
async function forwarding(args: string[], env?: Member["env"]) {
  const child = start(["app", "port-forward", ...args, "-o", "json"], env ? { env } : {});
  const decoder = new TextDecoder();
  let text = "";
  for (const reader = child.stdout.getReader(); !text.endsWith("]\n"); ) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`davit app port-forward ended: ${text}${await new Response(child.stderr).text()}`);
    text += decoder.decode(value, { stream: true });
  }
  const ports: number[] = JSON.parse(text).map(({ local }: { local: number }) => local);
  const stop = async () => {
    child.kill("SIGINT");
    return await child.exited;
  };
  return { ports, stop, stderr: () => new Response(child.stderr).text(), [Symbol.asyncDispose]: async () => void (await stop()) };
}

async function echo(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const parts: Buffer[] = [];
  const back = (async () => {
    for await (const part of socket) parts.push(part);
  })();
  for (let at = 0; at < bytes.length; at += 1 << 20) if (!socket.write(bytes.subarray(at, at + (1 << 20)))) await once(socket, "drain");
  socket.end();
  await back;
  return Buffer.concat(parts);
}

const http = async (port: number) => await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text();

test("a command's streams, exit code and stdin go through, by kubeconfig and by login", async () => {
  await using shop = await withApp("exec");
  const script = "cat; echo complaint >&2; exit 7";
  for (const env of [undefined, shop.dev.env]) {
    const options = { stdin: "some\nlines", ...(env ? { env } : {}) };
    const done = await davit(["app", "exec", ...shop.at, "--", "sh", "-c", script], options);
    expect(done).toEqual({ stdout: "some\nlines", stderr: "complaint\n", code: 7 });
    const shell = await davit(["app", "exec", ...shop.at], { ...options, stdin: "echo $((40 + 2)); exit 3\n" });
    expect(shell).toEqual({ stdout: "42\n", stderr: "", code: 3 });
  }
  const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)))
    .toString("base64")
    .repeat(200);
  const through = await davit(["app", "exec", ...shop.at, "--", "cat"], { stdin: bytes });
  expect([through.code, through.stdout.length, sha256(through.stdout)]).toEqual([0, bytes.length, sha256(bytes)]);

  const missing = await davit(["app", "exec", ...shop.at, "--", "no-such-program"]);
  expect(missing.code).toBe(127);
  expect(missing.stderr).toContain("(command_not_started)");
  expect(missing.stderr).toContain('"no-such-program": executable file not found');
  const instance = await davit(["app", "exec", ...shop.at, "--instance", "nobody", "--", "true"]);
  expect([instance.code, instance.stderr.includes("has no instance 'nobody'; it has '")]).toEqual([3, true]);
}, 120_000);

test("in a terminal: a shell with the terminal's size, ^C reaches what runs there, and a resize too", async () => {
  await using shop = await withApp("tty");
  const env = { ...(process.env as Record<string, string>), TERM: "xterm" };
  using terminal = new Terminal([BINARY, "app", "exec", ...shop.at], { env });
  const prompt = await terminal.until(/[#$] /);
  terminal.type("stty size; sleep 1000; echo after=$?\n");
  const sized = await terminal.until(/30 100\r+\n/, prompt);
  terminal.type("\x03");
  const stopped = await terminal.until(/after=130|[#$] $/, sized);
  terminal.resize(77, 33);
  terminal.type("until stty size | grep '33 77'; do sleep 0.1; done; exit 9\n");
  await terminal.until(/33 77\r+\n/, stopped);
  expect(await terminal.exited).toBe(9);
}, 120_000);

test("port-forward: HTTP, several connections at once, and 50 MB both ways, by kubeconfig and by login", async () => {
  await using shop = await withApp("forward");
  const bytes = Buffer.alloc(MEGABYTES << 20);
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(new Uint8Array(bytes.buffer, bytes.byteOffset + at, 65_536));
  for (const env of [undefined, shop.dev.env]) {
    await using forward = await forwarding([...shop.at, ":8080", ":7000"], env);
    const [web = 0, tcp = 0] = forward.ports;
    expect(await Promise.all(Array.from({ length: 10 }, () => http(web)))).toEqual(Array.from({ length: 10 }, () => "over HTTP"));
    const [back] = await Promise.all([echo(tcp, bytes), http(web), http(web)]);
    expect([back.length, sha256(back)]).toEqual([bytes.length, sha256(bytes)]);
    expect(await forward.stop()).toBe(130);
    expect(await forward.stderr()).toBe("");
  }
  expect(
    await kubectl(
      "get",
      "pods",
      "-n",
      "davit",
      "-l",
      "app.kubernetes.io/component=agent",
      "-o",
      "jsonpath={.items[*].status.containerStatuses[*].restartCount}",
    ),
  ).toBe("0");
}, 180_000);

test("a port-forward outlives Pods and the agent: connections end and are told of, new ones are made", async () => {
  await using shop = await withApp("outlive");
  await using forward = await forwarding([...shop.at]);
  const [port = 0] = forward.ports;
  expect(await http(port)).toBe("over HTTP");
  expect((await davit(["app", "restart", ...shop.at])).code).toBe(0);
  expect(await http(port)).toBe("over HTTP");

  const open = connect(port, "127.0.0.1").on("error", () => {});
  // What is answered is there from end to end, and HTTP leaves the connection open.
  open.write("GET / HTTP/1.1\r\nHost: shop\r\n\r\n");
  await once(open, "data");
  const ended = new Promise((resolve) => open.once("close", resolve));
  const session = start(["app", "exec", ...shop.at, "--", "sh", "-c", "echo here; sleep 1000"]);
  const { value: here } = await session.stdout.getReader().read();
  expect(new TextDecoder().decode(here)).toBe("here\n");
  await kubectl("-n", "davit", "rollout", "restart", "deployment/davit-agent");
  await ended;
  expect(await session.exited).toBe(21);
  expect(await new Response(session.stderr).text()).toContain("the davit agent is being restarted, which ends open sessions");
  await kubectl("-n", "davit", "rollout", "status", "deployment/davit-agent", "--timeout=60s");
  expect(await http(port)).toBe("over HTTP");
  await forward.stop();
  expect(await forward.stderr()).toContain("a connection ended: the davit agent is being restarted, which ends open sessions");
}, 180_000);

test("a viewer may neither enter an app nor reach its ports, and nobody another tenant's", async () => {
  await using shop = await withApp("closed");
  using viewer = await member(shop.space.name, "davit-viewer");
  await using bank = await tenant("closed-bank");
  using stranger = await member(bank.name, "davit-developer", "bob");
  for (const person of [viewer, stranger]) {
    for (const command of [
      ["exec", ...shop.at, "--", "true"],
      ["port-forward", ...shop.at],
    ]) {
      const done = await person.davit(["app", ...command]);
      expect([done.code, done.stderr.includes("(forbidden)")]).toEqual([24, true]);
    }
  }
}, 120_000);

test("the agent opens a session for nobody whom it would not answer", async () => {
  await using shop = await withApp("door");
  using viewer = await member(shop.space.name, "davit-viewer");
  const order: { kind: "exec"; order: ExecOrder } = { kind: "exec", order: { command: ["true"], tty: false } };
  const place = { namespace: shop.space.name, app: shop.app };
  expect(await told(viewer.token, { ...place, ...order })).toMatchObject({ fault: { code: "forbidden" } });
  expect(await told("garbage", { ...place, ...order })).toMatchObject({ fault: { code: "token_rejected" } });
  expect(await told(shop.dev.token, { ...place, app: "nobody", ...order })).toMatchObject({ fault: { code: "app_not_found" } });
  expect(await told(shop.dev.token, { ...place, kind: "exec", order: { command: [], tty: false } })).toMatchObject({ fault: { code: "usage" } });
  expect(await told(shop.dev.token, { ...place, kind: "port-forward", order: { port: 70_000 } })).toMatchObject({ fault: { code: "usage" } });
}, 120_000);

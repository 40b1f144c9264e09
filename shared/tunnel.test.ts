import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { openSocket, PacedSocket } from "./paced-socket.ts";
import { sha256 } from "./pack.ts";
import { tunnel } from "./tunnel.ts";
import { Wire } from "./wire.ts";

/** Both ends of a session on one machine: what connects to `port` reaches `serve` through a WebSocket. */
async function tunnelled(serve: (socket: Socket) => void): Promise<AsyncDisposable & { port: number; dropped: () => number }> {
  const target = await listening(createServer({ allowHalfOpen: true }, serve));
  let dropped = 0;
  const relay = Bun.serve<{ paced?: PacedSocket }>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) => (server.upgrade(request, { data: {} }) ? undefined : new Response()),
    websocket: {
      open(ws) {
        const send = (message: string | Uint8Array<ArrayBuffer>) => {
          if (ws.send(message) === 0) dropped += 1;
        };
        const raw = { send, buffered: () => ws.getBufferedAmount(), pause: () => ws.pause(), resume: () => ws.resume(), close: () => ws.close() };
        ws.data.paced = new PacedSocket(raw);
        void carry(new Wire(ws.data.paced), connect({ port: portOf(target), allowHalfOpen: true }));
      },
      message: (ws, message) => ws.data.paced?.receive(message),
      close: (ws) => ws.data.paced?.hasClosed(),
    },
  });
  const door = await listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      openSocket(new WebSocket(`ws://127.0.0.1:${relay.port}`))
        .then((paced) => carry(new Wire(paced), socket))
        .catch(() => socket.destroy());
    }),
  );
  const end = async () => {
    door.close();
    target.close();
    await relay.stop(true);
  };
  return { port: portOf(door), dropped: () => dropped, [Symbol.asyncDispose]: end };
}

async function carry(wire: Wire, socket: Socket): Promise<void> {
  await tunnel(wire, socket).catch(() => {});
  await wire.close();
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function bytesOf(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket.iterator({ destroyOnReturn: false })) parts.push(part);
  return Buffer.concat(parts);
}

test("64 MB go through and come back the same, to a reader that is slower than they come", async () => {
  await using way = await tunnelled((socket) => void socket.pipe(socket));
  const sent = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)).buffer);
  const hash = new Bun.CryptoHasher("sha256");
  const socket = connect({ port: way.port, allowHalfOpen: true });
  const receiving = (async () => {
    const received = new Bun.CryptoHasher("sha256");
    let count = 0;
    for await (const part of socket.iterator({ destroyOnReturn: false })) {
      received.update(part);
      if (++count % 64 === 0) await Bun.sleep(1);
    }
    return received.digest("hex");
  })();
  for (let index = 0; index < 1024; index++) {
    sent.writeUInt32BE(index);
    hash.update(sent);
    if (!socket.write(Buffer.from(sent))) await once(socket, "drain");
  }
  socket.end();
  expect(await receiving).toBe(hash.digest("hex"));
  expect(way.dropped()).toBe(0);
});

test("one side may end first: the other's answer still comes", async () => {
  await using way = await tunnelled(async (socket) => {
    const question = await bytesOf(socket);
    socket.end(sha256(question));
  });
  const socket = connect({ port: way.port, allowHalfOpen: true });
  socket.end("what is it?");
  expect((await bytesOf(socket)).toString()).toBe(sha256("what is it?"));
});

test("a connection that breaks on one side breaks on the other, and does not just end", async () => {
  const gone = Promise.withResolvers<string>();
  await using way = await tunnelled((socket) => {
    socket.on("error", ({ message }) => gone.resolve(message));
    socket.on("end", () => gone.resolve("it ended")).resume();
    socket.write("hello");
  });
  const socket = connect({ port: way.port });
  await once(socket, "data");
  socket.resetAndDestroy();
  expect(await gone.promise).toContain("ECONNRESET");
});

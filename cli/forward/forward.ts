import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Fault } from "#shared/fault";
import { tunnel } from "#shared/tunnel";
import type { Wire } from "#shared/wire";
import type { Connection } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import type { Forward } from "./ports.ts";

/** Whose ports, and where they are to be had. */
export interface ForwardOptions {
  namespace: string;
  app: string;
  address: string;
  /** Empty for the app's own port, at any that is free. */
  forwards: readonly Forward[];
}

/** Where a port of the app is to be had. */
export interface Listening {
  address: string;
  local: number;
  remote: number;
}

/**
 * Brings ports of an app to this machine until the context's signal aborts. `ready` is told where they are. Every
 * connection goes to an instance that is ready at that time, so Pods may come and go.
 * @throws Fault usage when a local port cannot be had, forbidden, instance_not_found
 */
export async function forward(
  context: Pick<Context, "signal" | "err">,
  connection: Connection,
  options: ForwardOptions,
  ready: (listening: readonly Listening[]) => void,
): Promise<void> {
  const { namespace, app, address } = options;
  const { port } = await connection.client.listInstances({ namespace, app });
  const forwards = options.forwards.length > 0 ? options.forwards : [{ local: 0, remote: port }];
  const open = new Set<Socket>();
  const servers: Server[] = [];
  const listening: Listening[] = [];
  try {
    for (const { local, remote } of forwards) {
      const serve = (socket: Socket) => {
        open.add(socket);
        // It may break before the other end of the tunnel is there.
        socket.on("error", () => {});
        socket.on("close", () => open.delete(socket));
        void carry(context, () => connection.open({ namespace, app, kind: "port-forward", order: { port: remote } }), socket);
      };
      const server = await listen(createServer({ allowHalfOpen: true, pauseOnConnect: true }, serve), address, local);
      servers.push(server);
      listening.push({ address, local: (server.address() as AddressInfo).port, remote });
    }
    ready(listening);
    if (!context.signal.aborted) await once(context.signal, "abort");
  } finally {
    for (const server of servers) server.close();
    for (const socket of open) socket.destroy();
  }
}

async function listen(server: Server, host: string, port: number): Promise<Server> {
  try {
    server.listen(port, host);
    await once(server, "listening");
    return server;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "is in use" : code === "EACCES" ? "needs more rights" : `cannot be had (${code})`;
    throw new Fault("usage", `port ${port} of ${host} ${why} on this machine; choose another with LOCAL:PORT`, { cause, details: { flag: "PORT" } });
  }
}

async function carry({ err, signal }: Pick<Context, "signal" | "err">, open: () => Promise<Wire>, socket: Socket): Promise<void> {
  let wire: Wire | undefined;
  try {
    wire = await open();
    await tunnel(wire, socket);
  } catch (error) {
    socket.resetAndDestroy();
    // A program on this machine that breaks its connection off is no news.
    if (error instanceof Fault && !signal.aborted) err(`a connection ended: ${error.message}`);
  } finally {
    await wire?.close();
  }
}

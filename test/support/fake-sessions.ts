import { connect } from "node:net";
import { Fault, toFault } from "#shared/fault";
import { type PacedSocket, pacedServer } from "#shared/paced-socket";
import { type ExecOrder, type Session, sessionOf } from "#shared/sessions";
import { tunnel } from "#shared/tunnel";
import { Wire } from "#shared/wire";

interface Data {
  work: (wire: Wire) => Promise<void>;
  socket?: PacedSocket;
}

/** Sessions as the agent has them, whose instance is this machine: commands are run, ports are reached on the loopback. */
export class FakeSessions {
  readonly opened: Session[] = [];
  readonly #sockets = new Set<Bun.ServerWebSocket<Data>>();

  /** Cuts off all that are open, as an agent does that is killed. */
  closeAll(): void {
    for (const ws of this.#sockets) ws.terminate();
  }

  /** Takes a request for a session over; `authenticate` may throw. */
  take(request: Request, server: Bun.Server<Data>, authenticate: () => Promise<unknown>): boolean {
    if (request.headers.get("upgrade") !== "websocket") return false;
    const work = async (wire: Wire) => {
      await authenticate();
      const session = sessionOf(request);
      if (!session) throw new Fault("usage", "no session");
      this.opened.push(session);
      if (session.kind === "exec") await run(session.order, wire);
      else await tunnel(wire, connect({ host: "127.0.0.1", port: session.order.port, allowHalfOpen: true }));
    };
    return server.upgrade(request, { data: { work } });
  }

  readonly handlers: Bun.WebSocketHandler<Data> = {
    open: (ws) => {
      const socket = pacedServer(ws);
      ws.data.socket = socket;
      this.#sockets.add(ws);
      const wire = new Wire(socket);
      ws.data.work(wire).then(
        () => wire.close(),
        (error) => wire.fail(toFault(error)),
      );
    },
    message: (ws, message) => ws.data.socket?.receive(message),
    close: (ws) => {
      this.#sockets.delete(ws);
      ws.data.socket?.hasClosed();
    },
  };
}

const frame = (channel: number, payload: Uint8Array | string) => new Uint8Array(Buffer.concat([Buffer.from([channel]), Buffer.from(payload)]));

/** The command as a process of this machine, told in the frames of Kubernetes. */
async function run({ command, tty }: ExecOrder, wire: Wire): Promise<void> {
  if (Bun.which(command[0] ?? "") === null)
    return await finish(wire, { reason: "InternalError", message: `${command[0]}: executable file not found` });
  const code = await (tty ? runInTerminal : runInPipes)(command, wire);
  const causes = [{ reason: "ExitCode", message: String(code) }];
  await finish(wire, code === 0 ? undefined : { reason: "NonZeroExitCode", details: { causes } });
}

async function finish(wire: Wire, failure: object | undefined): Promise<void> {
  await wire.send(frame(3, JSON.stringify(failure ? { status: "Failure", ...failure } : { status: "Success" })));
  await wire.end();
}

async function runInPipes(command: string[], wire: Wire): Promise<number> {
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const feed = async () => {
    for await (const bytes of wire) {
      if (bytes[0] === 0) child.stdin.write(bytes.subarray(1));
      if (bytes[0] === 255) await child.stdin.end();
    }
  };
  feed().catch(() => child.kill());
  const pass = async (channel: number, stream: ReadableStream<Uint8Array>) => {
    for await (const bytes of stream) await wire.send(frame(channel, bytes));
  };
  await Promise.all([pass(1, child.stdout), pass(2, child.stderr)]);
  return await child.exited;
}

async function runInTerminal(command: string[], wire: Wire): Promise<number> {
  const data = (_: unknown, bytes: Uint8Array) => void wire.send(frame(1, bytes));
  const child = Bun.spawn(command, { terminal: { cols: 1, rows: 1, data } });
  const feed = async () => {
    for await (const bytes of wire) {
      if (bytes[0] === 0) child.terminal?.write(bytes.subarray(1));
      if (bytes[0] !== 4) continue;
      const { Width, Height } = JSON.parse(Buffer.from(bytes.subarray(1)).toString());
      child.terminal?.resize(Width, Height);
    }
  };
  feed().catch(() => child.kill());
  return await child.exited;
}

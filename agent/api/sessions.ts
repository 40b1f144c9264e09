import { Fault } from "#shared/fault";
import { type PacedSocket, pacedServer } from "#shared/paced-socket";
import { checkProtocol } from "#shared/rpc-server";
import { type Session, sessionOf } from "#shared/sessions";
import { Wire } from "#shared/wire";
import { needApp } from "../apps.ts";
import type { Log } from "../log.ts";
import { ownFault } from "../own-fault.ts";
import { type Api, admit } from "./context.ts";
import { exec } from "./exec.ts";
import { portForward } from "./port-forward.ts";

/** A frame holds at most 64 KiB and its channel; more is no client of ours. */
const MAX_MESSAGE = 1 << 20;
const QUIET_SECONDS = 120;

/** What a WebSocket's handlers know of it. */
interface SessionData {
  work: (wire: Wire) => Promise<void>;
  socket?: PacedSocket;
}

/**
 * The WebSockets of the agent, for `Bun.serve`. Whoever calls is told on the socket why not, because a client of
 * WebSockets does not see another answer.
 */
export class Sessions {
  readonly #api: Api;
  readonly #log: Log;
  readonly #open = new Set<Wire>();

  constructor(api: Api, log: Log) {
    this.#api = api;
    this.#log = log;
  }

  /** Takes the request over, or tells that it is none for a session. */
  async take(request: Request, server: Bun.Server<SessionData>): Promise<"taken" | Response | undefined> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
    const work = await this.#admit(request).catch((error) => async () => {
      throw error;
    });
    return server.upgrade(request, { data: { work } }) ? "taken" : new Response("not a WebSocket", { status: 400 });
  }

  readonly handlers: Bun.WebSocketHandler<SessionData> = {
    maxPayloadLength: MAX_MESSAGE,
    idleTimeout: QUIET_SECONDS,
    open: (ws) => {
      const socket = pacedServer(ws);
      ws.data.socket = socket;
      void this.#run(ws.data.work, new Wire(socket));
    },
    message: (ws, message) => ws.data.socket?.receive(message),
    close: (ws) => ws.data.socket?.hasClosed(),
  };

  /** Ends all of them, because the agent does. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.#open].map((wire) => wire.fail(new Fault("agent_lost", "the davit agent is being restarted, which ends open sessions"))),
    );
  }

  async #run(work: SessionData["work"], wire: Wire): Promise<void> {
    this.#open.add(wire);
    try {
      await work(wire);
      await wire.close();
    } catch (error) {
      const fault = ownFault(error);
      if (fault.code === "bug") this.#log("a session hit a bug", { error });
      await wire.fail(fault);
    } finally {
      this.#open.delete(wire);
    }
  }

  /** @throws Fault for whoever may not, and for what is not there */
  async #admit(request: Request): Promise<SessionData["work"]> {
    checkProtocol(request);
    const caller = await this.#api.auth.authenticate(request);
    const session = sessionOf(request);
    if (!session) throw new Fault("usage", `the agent has no session at ${new URL(request.url).pathname}`);
    const { namespace, app } = session;
    await admit(this.#api, caller, "create", "apps/exec", namespace, app);
    await needApp(this.#api.deps.kube, namespace, app);
    return this.#workOf(session);
  }

  #workOf(session: Session): SessionData["work"] {
    const { kube } = this.#api.deps;
    switch (session.kind) {
      case "exec":
        return (wire) => exec(kube, session, session.order, wire);
      case "port-forward":
        return (wire) => portForward(kube, session, session.order, wire);
    }
  }
}

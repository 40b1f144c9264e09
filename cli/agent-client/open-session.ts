import type { DavitClient } from "#shared/api";
import { Fault } from "#shared/fault";
import { openSocket } from "#shared/paced-socket";
import { PROTOCOL_HEADER } from "#shared/rpc";
import { type Session, sessionRequest } from "#shared/sessions";
import { PROTOCOL } from "#shared/version";
import { Wire } from "#shared/wire";
import { unreachable } from "./fetch-fault.ts";

/** Opens a WebSocket at the agent, with the caller's token and these headers. */
export type OpenSocket = (path: string, headers: Record<string, string>) => Promise<WebSocket>;

/** Where sessions are opened, and the same agent for requests. */
export interface SessionWay {
  open: OpenSocket;
  server: string;
  client: Pick<DavitClient, "whoami">;
}

/**
 * A session with the agent. What the agent has against it comes on the wire, as a fault.
 * @throws Fault agent_unreachable
 */
export async function openSession(way: SessionWay, session: Session): Promise<Wire> {
  try {
    return await openWire(way, session);
  } catch {
    // A WebSocket does not say why it was not opened; a request does, and it waits for an agent that is just starting.
    await way.client.whoami({});
    return await openWire(way, session).catch((error) => {
      throw error instanceof Fault ? error : noWebSocket(way.server, error);
    });
  }
}

async function openWire({ open }: SessionWay, session: Session): Promise<Wire> {
  const { path, headers } = sessionRequest(session);
  return new Wire(await openSocket(await open(path, { ...headers, [PROTOCOL_HEADER]: String(PROTOCOL) })));
}

function noWebSocket(server: string, cause: unknown): Fault {
  const why = cause instanceof Error ? cause.message : String(cause);
  return unreachable(server, `answers requests, but no WebSocket gets there; a proxy in between may not let it pass: ${why}`, {
    cause,
    retry: false,
  });
}

import type { WireRequest } from "#shared/rpc-client";
import { fetchFault, unreachable } from "./fetch-fault.ts";
import type { OpenSocket } from "./open-session.ts";
import type { Tokens } from "./tokens.ts";
import type { Send } from "./transport.ts";

/** The way through the agent's Ingress; `ca` is what the login trusts instead of the machine's CAs. */
export function sendByLogin(server: string, ca: string | undefined): Send {
  return async (path, request, token) => {
    const response = await ask(server, ca, path, { ...request, headers: { ...request.headers, authorization: `Bearer ${token.reveal()}` } });
    // What an ingress says by itself while the agent's Pod is not there.
    if ([502, 503, 504].includes(response.status) && !response.headers.get("content-type")?.startsWith("application/json")) {
      await response.body?.cancel();
      throw unreachable(server, `is not there yet (its ingress says ${response.status})`, { retry: true });
    }
    return response;
  };
}

/** A WebSocket the same way. */
export function socketByLogin(server: string, ca: string | undefined, tokens: Tokens): OpenSocket {
  return async (path, headers) => {
    const authorization = `Bearer ${(await tokens.get()).reveal()}`;
    const options = { headers: { ...headers, authorization }, ...(ca === undefined ? {} : { tls: { ca } }) };
    return new WebSocket(server.replace(/^http/, "ws") + path, options as never);
  };
}

async function ask(server: string, ca: string | undefined, path: string, request: WireRequest): Promise<Response> {
  try {
    return await fetch(server + path, { ...request, redirect: "manual", ...(ca === undefined ? {} : { tls: { ca } }) });
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason;
    throw fetchFault(server, error);
  }
}

import { CA_HEADER } from "#shared/authority";
import type { WireRequest } from "#shared/rpc-client";
import { fetchFault, unreachable } from "./fetch-fault.ts";
import type { OpenSocket } from "./open-session.ts";
import type { ServerTrust } from "./server-trust.ts";
import type { Tokens } from "./tokens.ts";
import type { Send } from "./transport.ts";

/** The way through the agent's Ingress. */
export function sendByLogin(server: string, trust: ServerTrust): Send {
  return async (path, request, token) => {
    const response = await ask(server, trust, path, { ...request, headers: { ...request.headers, authorization: `Bearer ${token.reveal()}` } });
    // What an ingress says by itself while the agent's Pod is not there, and some say 404 after a while.
    if ([404, 502, 503, 504].includes(response.status) && !response.headers.get("content-type")?.startsWith("application/json")) {
      await response.body?.cancel();
      throw unreachable(server, `is not there yet (what answers instead says ${response.status})`, { retry: "away" });
    }
    await trust.follow(response.headers.get(CA_HEADER));
    return response;
  };
}

/** A WebSocket the same way. */
export function socketByLogin(server: string, trust: ServerTrust, tokens: Tokens): OpenSocket {
  return async (path, headers) => {
    const authorization = `Bearer ${(await tokens.get()).reveal()}`;
    const options = { headers: { ...headers, authorization }, ...trust.tls };
    return new WebSocket(server.replace(/^http/, "ws") + path, options as never);
  };
}

async function ask(server: string, trust: ServerTrust, path: string, request: WireRequest): Promise<Response> {
  const send = () => fetch(server + path, { ...request, redirect: "manual", ...trust.tls });
  const faultOf = (error: unknown) => {
    if (request.signal?.aborted) throw request.signal.reason;
    return fetchFault(server, error);
  };
  try {
    return await send();
  } catch (error) {
    const fault = faultOf(error);
    if (fault.code !== "certificate_untrusted") throw fault;
    await trust.reconsider(fault);
  }
  return await send().catch((error) => {
    throw faultOf(error);
  });
}

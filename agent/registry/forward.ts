import type { Log } from "../log.ts";
import type { GateConfig } from "./config.ts";
import { refusal } from "./token-endpoint.ts";

/** Longer than Go's HTTP clients keep an idle connection (90 s): they close first and never write into a closed one. */
export const IDLE_SECONDS = 120;
/** Belong to one connection (RFC 9110 §7.6.1), or were set by somebody before us; `expect` is answered by this server. */
const DROPPED = [
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "proxy-authorization",
  "expect",
  "forwarded",
  "x-forwarded-for",
];

/** Streams a request to distribution and its answer back. `scheme` is what the client came by. */
export async function forward(request: Request, config: GateConfig, log: Log, scheme: "https" | "http"): Promise<Response> {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of DROPPED) headers.delete(name);
  // Distribution makes Location headers and the token realm from these: the client must come back here.
  headers.set("x-forwarded-proto", scheme);
  headers.set("x-forwarded-host", url.host);
  try {
    const answer = await fetch(new URL(url.pathname + url.search, config.upstream), {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
      decompress: false,
      signal: request.signal,
    });
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  } catch (error) {
    if (request.signal.aborted) return new Response(null, { status: 499 });
    log("distribution does not answer", { method: request.method, path: url.pathname, error });
    return refusal(503, "UNAVAILABLE", "the registry's storage service does not answer; try again");
  }
}

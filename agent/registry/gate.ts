import type { Server } from "bun";
import { readRegistryKey } from "#shared/registry/key";
import type { Log } from "../log.ts";
import { serveTls, type TlsFiles, type TlsServer } from "../tls-server.ts";
import type { GateConfig } from "./config.ts";
import { Layout } from "./layout.ts";
import { Pushes } from "./pushes.ts";
import { answerStorage, type Stored } from "./storage-endpoint.ts";
import { answerToken, refusal } from "./token-endpoint.ts";

/** Longer than Go's HTTP clients keep an idle connection (90 s): they close first and never write into a closed one. */
const IDLE_SECONDS = 120;
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

/**
 * The registry's front: ends TLS, answers `/auth/token` and `/healthz`, and streams `/v2/` to distribution on loopback, which
 * checks the tokens itself. Bodies of any size pass in both directions without being held.
 */
export async function serveGate(config: GateConfig, log: Log): Promise<TlsServer> {
  const stored: Stored = { layout: new Layout(config.storage), pushes: new Pushes(), key: await readRegistryKey(config.keyFile), log };
  return await serveTls(config.tlsFolder, config.port, (port, tls) => listen(config, port, tls, stored));
}

function listen(config: GateConfig, port: number, tls: TlsFiles, stored: Stored): Server<undefined> {
  return Bun.serve({
    port,
    ...(config.host ? { hostname: config.host } : {}),
    reusePort: true,
    tls,
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname === "/healthz") return health(config);
      if (pathname === "/auth/token") return answerToken(request, stored);
      server.timeout(request, 0);
      if (pathname === "/storage" || pathname.startsWith("/storage/")) return answerStorage(request, stored);
      if (pathname !== "/v2" && !pathname.startsWith("/v2/")) return refusal(404, "UNSUPPORTED", "this is a container registry");
      return pass(request, config, stored);
    },
    error(error) {
      stored.log("a registry request failed", { error });
      return refusal(500, "UNKNOWN", "the registry's gate failed; see the log of the container 'gate'");
    },
  });
}

/** Healthy is what can serve: distribution answers, and its storage check is content. */
async function health(config: GateConfig): Promise<Response> {
  try {
    const answer = await fetch(new URL("/", config.upstream), { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.ok ? new Response("ok\n") : refusal(503, "UNAVAILABLE", `distribution answers ${answer.status}`);
  } catch {
    return refusal(503, "UNAVAILABLE", "distribution does not answer");
  }
}

/** Methods that change what repositories refer to. PATCH brings bytes of an upload, which is nothing yet, and may take its time. */
const CHANGES = new Set(["POST", "PUT", "DELETE"]);
/** A layer in a build's cache, by its key. */
const CACHED_LAYER = /^\/v2\/([^/]+\/[^/]+\/cache)\/manifests\/([\w][\w.-]*)$/;

async function pass(request: Request, config: GateConfig, { layout, pushes, log }: Stored): Promise<Response> {
  if (CHANGES.has(request.method)) return await pushes.change(() => forward(request, config, log));
  const answer = await forward(request, config, log);
  const [, repository, tag] = CACHED_LAYER.exec(new URL(request.url).pathname) ?? [];
  // So that the layers that builds go on taking are not taken for old ones.
  if (answer.ok && repository && tag) await layout.touchTag(repository, tag).catch((error) => log("a cached layer could not be touched", { error }));
  return answer;
}

async function forward(request: Request, config: GateConfig, log: Log): Promise<Response> {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of DROPPED) headers.delete(name);
  // Distribution makes Location headers and the token realm from these: the client must come back here.
  headers.set("x-forwarded-proto", "https");
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

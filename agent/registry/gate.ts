import type { Server } from "bun";
import { JWKS_PATH } from "#shared/registry/signing-key";
import type { Log } from "../log.ts";
import { serveTls, type TlsFiles, type TlsServer } from "../tls-server.ts";
import type { GateConfig } from "./config.ts";
import { forward, IDLE_SECONDS } from "./forward.ts";
import { KeyFolder } from "./key-folder.ts";
import { Layout } from "./layout.ts";
import { listenForPulls } from "./pulls.ts";
import { Pushes } from "./pushes.ts";
import { answerStorage, type Stored } from "./storage-endpoint.ts";
import { answerToken, refusal, type TokenService } from "./token-endpoint.ts";

export interface Gate extends TlsServer {
  /** Where images are pulled only, in clear, if anywhere. */
  readonly pullsPort: number | undefined;
  /** Takes the keys of credentials from their files again whenever they change, until `signal` aborts. */
  followKeys(signal: AbortSignal): Promise<void>;
}

/**
 * The registry's front: ends TLS, answers `/auth/token` and `/healthz`, and streams `/v2/` to distribution on loopback, which
 * checks the tokens itself. Bodies of any size pass in both directions without being held.
 */
export async function serveGate(config: GateConfig, log: Log): Promise<Gate> {
  const [key, tokenKey] = await Promise.all([KeyFolder.open(config.keysFolder), KeyFolder.open(config.tokenKeyFolder)]);
  const stored = { layout: new Layout(config.storage), pushes: new Pushes(), key, tokenKey, log };
  const inside = await serveTls(config.tlsFolder, config.port, (port, tls) => listen(config, port, tls, stored));
  const pulls = config.pullsPort === undefined ? undefined : listenForPulls(config, config.pullsPort, stored);
  return {
    ...inside,
    pullsPort: pulls?.port,
    followKeys: (signal) => key.follow(log, signal),
    stop: async (now = false) => void (await Promise.all([inside.stop(now), pulls?.stop(now)])),
  };
}

function listen(config: GateConfig, port: number, tls: TlsFiles, stored: Stored & TokenService): Server<undefined> {
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
      if (pathname === JWKS_PATH) return Response.json(stored.key.jwks);
      if (pathname === "/auth/token") return answerToken(request, stored, { mayChange: true });
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
  if (CHANGES.has(request.method)) return await pushes.change(() => forward(request, config, log, "https"));
  const answer = await forward(request, config, log, "https");
  const [, repository, tag] = CACHED_LAYER.exec(new URL(request.url).pathname) ?? [];
  // So that the layers that builds go on taking are not taken for old ones.
  if (answer.ok && repository && tag) await layout.touchTag(repository, tag).catch((error) => log("a cached layer could not be touched", { error }));
  return answer;
}

import type { Server } from "bun";
import type { GateConfig } from "./config.ts";
import { forward, IDLE_SECONDS } from "./forward.ts";
import type { Stored } from "./storage-endpoint.ts";
import { answerToken, refusal, type TokenService } from "./token-endpoint.ts";

const READS = new Set(["GET", "HEAD"]);

/**
 * The gate's second way in, for nodes that cannot come by the first: plain HTTP, for their own loopback (a NodePort) or behind
 * an ingress that ends TLS. Nothing can be changed by it, and no token that it gives allows a change anywhere else.
 */
export function listenForPulls(config: GateConfig, port: number, stored: Stored & TokenService): Server<undefined> {
  return Bun.serve({
    port,
    ...(config.host ? { hostname: config.host } : {}),
    idleTimeout: IDLE_SECONDS,
    fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname === "/auth/token") return answerToken(request, stored, { mayChange: false });
      if (!READS.has(request.method) || (pathname !== "/v2" && !pathname.startsWith("/v2/"))) {
        return refusal(405, "UNSUPPORTED", "here images are pulled, and nothing else");
      }
      server.timeout(request, 0);
      return forward(request, config, stored.log, request.headers.get("x-forwarded-proto") === "https" ? "https" : "http");
    },
    error(error) {
      stored.log("a pull failed", { error });
      return refusal(500, "UNKNOWN", "the registry's gate failed; see the log of the container 'gate'");
    },
  });
}

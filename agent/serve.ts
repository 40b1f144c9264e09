import { api } from "#shared/api";
import { CA_HEADER, CA_PATH } from "#shared/authority";
import { Kube } from "#shared/kube/client";
import { inCluster } from "#shared/kube/connect";
import { JWKS_PATH } from "#shared/registry/signing-key";
import { serve } from "#shared/rpc-server";
import { certificatesIn, fingerprintOf } from "#shared/tls/certificate";
import { VERSION } from "#shared/version";
import { pause } from "#shared/within";
import { aborted } from "./aborted.ts";
import { Auth } from "./api/auth.ts";
import { handlers } from "./api/handlers.ts";
import { Sessions } from "./api/sessions.ts";
import { Certificates } from "./certificates/certificates.ts";
import { type Config, readConfig } from "./config.ts";
import type { Deps } from "./deps.ts";
import { Collector } from "./gc/collector.ts";
import { collectDaily } from "./gc/daily.ts";
import { openRegistry } from "./images/open.ts";
import { Locks } from "./locks.ts";
import type { Log } from "./log.ts";
import { ownFault } from "./own-fault.ts";
import { Removals } from "./remove.ts";
import { renameImages } from "./rename-images.ts";
import { moveRoutes } from "./routing/move.ts";
import { Routing } from "./routing/routing.ts";
import { Runner } from "./runner.ts";
import { type ObjectStore, openStore } from "./store/object-store.ts";
import { Sources } from "./store/sources.ts";
import { Sync } from "./sync/sync.ts";
import { Tenants } from "./tenants.ts";
import { keepReloading, serveTls } from "./tls-server.ts";

const STORE_RETRY_MS = 500;
const WATCH_RETRY_MS = 5000;
const MAX_BODY = 100 * 1024 * 1024;

/** `davit agent serve`: the API, and every push that is under way. Ends when `stop` aborts; what runs then goes on at the next start. */
export async function serveAgent(env: Record<string, string | undefined>, log: Log, stop: AbortSignal): Promise<void> {
  const config = await readConfig(env);
  const kube = new Kube(await inCluster());
  const certificates = new Certificates({ kube, config, log });
  void keepUp(() => certificates.run(stop), log, stop);
  // Not before: the store's own certificate may be what keeps it away.
  const store = await storeWhenUp(config, log, stop);
  const locks = new Locks();
  const registry = openRegistry(config, kube);
  const routing = new Routing({ kube, config, certificates, log });
  const deps: Deps = { kube, registry, store, sources: new Sources(store, locks), certificates, routing, locks, config, log };
  const sync = new Sync(deps, stop);
  const tenants = new Tenants(deps, sync);
  const runner = new Runner(deps, tenants, stop);
  const auth = new Auth(kube, config.registryKey);
  void keepUp(() => sync.run(), log, stop);
  void config.registryKey.follow(log, stop, () => sync.lookAgain());
  void keepUp(() => tenants.run(stop), log, stop);
  void keepUp(() => renameImages(deps, tenants, stop).then(() => aborted(stop)), log, stop);
  void keepUp(() => moveRoutes(deps, { tenants, runner }, stop).then(() => aborted(stop)), log, stop);
  await certificates.settled();
  await runner.resume();
  const collector = new Collector(deps, tenants, () => runner.busy());
  const removals = new Removals(deps, runner, collector);
  void keepUp(() => removals.follow(stop), log, stop);
  void collectDaily(deps, collector, stop);

  const parts = { deps, tenants, sync, runner, auth, collector, removals };
  const sessions = new Sessions(parts, log);
  const answer = serve(api, handlers(parts), {
    authenticate: (request) => auth.authenticate(request),
    toFault: ownFault,
    onBug: (error, request) => log("a request hit a bug", { method: request.method, path: new URL(request.url).pathname, error }),
  });
  const ca = certificatesIn(config.ca).map(fingerprintOf).join(" ");
  const server = Bun.serve({
    port: config.port,
    maxRequestBodySize: MAX_BODY,
    idleTimeout: 0,
    websocket: sessions.handlers,
    fetch: async (request, server) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/healthz") return new Response("ok\n");
      if (pathname === JWKS_PATH) return Response.json(config.registryKey.jwks);
      if (pathname === CA_PATH) return new Response(config.ca, { headers: { "content-type": "application/x-pem-file" } });
      const taken = await sessions.take(request, server);
      return taken === "taken" ? undefined : (taken ?? named(await answer(request), ca));
    },
  });
  const inside = await serveTls(config.tls.folder, config.tls.port, (port, tls) =>
    Bun.serve({ port, tls, reusePort: true, maxRequestBodySize: MAX_BODY, idleTimeout: 0, fetch: answer }),
  );
  keepReloading(inside, log, stop);
  log("the agent serves", { version: VERSION, port: config.port });
  await aborted(stop);
  await sessions.stop();
  await Promise.all([server.stop(true), inside.stop(true)]);
}

/** Tells whoever follows a CA that is replaced which there are now. */
function named(answer: Response, ca: string): Response {
  answer.headers.set(CA_HEADER, ca);
  return answer;
}

/** A watch that was refused, because a role or a token is being replaced, is tried again. */
async function keepUp(follow: () => Promise<void>, log: Log, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await follow().catch((error) => log("a watch ended and is begun again", { error }));
    await pause(WATCH_RETRY_MS, stop);
  }
}

/** The store may come up after the agent; until then there is nothing to serve. */
async function storeWhenUp(config: Config, log: Log, stop: AbortSignal): Promise<ObjectStore> {
  for (;;) {
    try {
      return await openStore(config.s3);
    } catch (error) {
      stop.throwIfAborted();
      log("waiting for the S3 store", { error });
      await pause(STORE_RETRY_MS, stop);
    }
  }
}

import { expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { Kube } from "#shared/kube/client";
import { startVersity } from "#test/versity";
import { Certificates } from "./certificates/certificates.ts";
import type { Config } from "./config.ts";
import type { Deps } from "./deps.ts";
import type { ImageRegistry } from "./images/image-registry.ts";
import { Locks } from "./locks.ts";
import { MANAGED } from "./objects/meta.ts";
import type { Revision } from "./objects/types.ts";
import { Routing } from "./routing/routing.ts";
import { Runner } from "./runner.ts";
import { EventLog } from "./store/event-log.ts";
import { Sources } from "./store/sources.ts";
import { Sync } from "./sync/sync.ts";
import { Tenants } from "./tenants.ts";

const uid = randomUUID();

/** An API server that knows one app and never tells of its staging Pods: a push gets that far and waits. `staging` resolves then. */
function apiServer() {
  const staging = Promise.withResolvers<void>();
  const asked: string[] = [];
  const objects: Record<string, unknown> = {
    "GET /api/v1/namespaces/team": { metadata: { name: "team", uid, labels: { [MANAGED]: "true" } } },
    "GET /apis/davit.dev/v1alpha1/namespaces/team/apps/shop": { kind: "App", metadata: { name: "shop", namespace: "team" }, spec: { routes: [] } },
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const what = `${request.method} ${new URL(request.url).pathname}`;
      asked.push(what);
      if (what.endsWith("/davit-staging/pods")) {
        staging.resolve();
        await new Promise(() => {});
      }
      return Response.json(objects[what] ?? { items: [] });
    },
  });
  const kube = new Kube({ server: server.url.origin, tls: {}, headers: async () => ({}) });
  return { kube, asked, staging: staging.promise, [Symbol.dispose]: () => void server.stop(true) };
}

const revision = (number: number, status: Revision["status"] = {}): Revision => ({
  apiVersion: "davit.dev/v1alpha1",
  kind: "Revision",
  metadata: { name: `shop-${number}`, namespace: "team", creationTimestamp: new Date().toISOString() },
  spec: {
    app: "shop",
    number,
    source: { kind: "tree", tree: "0".repeat(64) },
    pods: number,
    settings: { routes: [], instances: 1, stopped: false, port: 8080, configurations: [] },
    envSecret: `shop-${number}-env`,
    buildArgs: {},
    rebuild: false,
    createdBy: "ann",
    timeoutSeconds: 60,
  },
  status,
});

test("an app's deletion ends the push that runs and those that wait behind it, and tells whoever follows them", async () => {
  await using versity = await startVersity();
  using api = apiServer();
  const { store } = versity;
  const config = {} as Config;
  const registry = { pullLogin: async () => ({ id: "key", config: async () => "" }) } as Partial<ImageRegistry> as ImageRegistry;
  const locks = new Locks();
  const certificates = new Certificates({ kube: api.kube, config, log: () => {} });
  const routing = new Routing({ kube: api.kube, config, certificates, log: () => {} });
  const deps: Deps = { kube: api.kube, registry, store, sources: new Sources(store, locks), certificates, routing, locks, config, log: () => {} };
  const { signal } = new AbortController();
  const runner = new Runner(deps, new Tenants(deps, new Sync(deps, signal)), signal);
  runner.start(revision(1));
  runner.start(revision(2, { image: "registry/team/shop@sha256:00" }));
  await api.staging;
  await runner.cancel("team", "shop");
  for (const number of [1, 2]) {
    const { done } = await EventLog.open(store, uid, "shop", number);
    expect(done?.result).toMatchObject({ outcome: "failed", revision: number, fault: { code: "app_deleting" } });
  }
  expect(api.asked.filter((what) => what.startsWith("PATCH /apis/apps/"))).toEqual([]);
});

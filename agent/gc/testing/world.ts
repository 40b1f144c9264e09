import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { encodeFrame, sha256 } from "#shared/pack";
import { byPath, type TreeEntry, treeId } from "#shared/tree";
import { type ControlPlane, startControlPlane } from "#test/control-plane";
import { startRegistry, type TestRegistry } from "#test/registry";
import { temporaryFolder } from "#test/temporary";
import { startVersity } from "#test/versity";
import crds from "../../../manifests/crds.yaml" with { type: "text" };
import { accept } from "../../accept.ts";
import { getRevision, patchRevision, setAppStatus } from "../../apps.ts";
import { Certificates } from "../../certificates/certificates.ts";
import type { Config } from "../../config.ts";
import type { Deps } from "../../deps.ts";
import { openRegistry } from "../../images/open.ts";
import { Locks } from "../../locks.ts";
import { type App, DAVIT_API, type Revision } from "../../objects/types.ts";
import { sourceUrl } from "../../phases/source-url.ts";
import { Routing } from "../../routing/routing.ts";
import { Runner } from "../../runner.ts";
import { hydrate } from "../../stage/hydrate.ts";
import { SourceOrder } from "../../stage/order.ts";
import { Sources } from "../../store/sources.ts";
import { Sync } from "../../sync/sync.ts";
import { type Tenant, Tenants } from "../../tenants.ts";
import type { AppKey } from "../../warm-pods.ts";
import { Collector } from "../collector.ts";

/** An API server, the store and the registry, all real, and the agent's parts that keep things in them. */
export interface World extends AsyncDisposable {
  deps: Deps;
  runner: Runner;
  collector: Collector;
  tenant(name: string): Promise<Tenant>;
  /** The first half of a push: the source is there, and no revision of it. Its tree. */
  upload(tenant: Tenant, files: Record<string, string>): Promise<string>;
  /** Pushes an app as a CLI, the agent and a staging Pod do together, but for the Pod and the Deployment. */
  push(tenant: Tenant, app: string, files: Record<string, string>): Promise<Pushed>;
  /** Goes back to a revision; undefined when that is not there any more. */
  rollBack(tenant: Tenant, app: string, to: number): Promise<Pushed | undefined>;
  /** Waited for by every staging Pod that has been told where its source is, before it reads it. */
  hold: () => Promise<void>;
  /** Writes a revision's source to an empty folder, as a staging Pod would. @throws Fault when the store has not all of it */
  read(tenant: Tenant, revision: Revision): Promise<void>;
  /** The digest of an image, pulled. */
  pull(image: string): Promise<string>;
}

export interface Pushed {
  revision: Revision;
  image: string;
}

const LIVE = { outcome: "live", endedAt: new Date(0).toISOString() } as const;

export async function startWorld(options: { keepRevisions: number }): Promise<World> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const plane = resources.use(await startControlPlane());
  await serveKinds(plane);
  const versity = resources.use(await startVersity());
  const registry = resources.use(await startRegistry());
  const { keepRevisions } = options;
  const config = {
    registry: { kind: "built-in", host: registry.host, nodeHost: registry.host },
    ca: registry.ca,
    registryKey: registry.key,
    keepRevisions,
    kanikoImage: "kaniko",
    domain: { host: "apps.test", port: "" },
  };
  const locks = new Locks();
  const { store } = versity;
  const images = openRegistry(config as Config, plane.admin);
  const certificates = new Certificates({ kube: plane.admin, config: config as Config, log: () => undefined });
  const deps: Deps = {
    kube: plane.admin,
    registry: images,
    store,
    sources: new Sources(store, locks),
    certificates,
    routing: new Routing({ kube: plane.admin, config: config as Config, certificates, log: () => undefined }),
    locks,
    config: config as Config,
    log: () => undefined,
  };
  const stop = new AbortController();
  const tenants = new Tenants(deps, new Sync(deps, stop.signal));
  const following = tenants.run(stop.signal);
  resources.defer(async () => {
    stop.abort();
    await following;
  });
  const busy = new Set<AppKey>();
  const world: World & Parts = {
    deps,
    runner: new Runner(deps, tenants, stop.signal),
    collector: new Collector(deps, tenants, () => [...busy]),
    busy,
    registry,
    folder,
    hold: async () => undefined,
    tenant: async (name) => {
      await tenants.create(name);
      return await tenants.need(name);
    },
    upload: (tenant, sources) => upload(deps, tenant, sources),
    push: (tenant, app, sources) => push(world, tenant, app, sources),
    rollBack: (tenant, app, to) => rollBack(world, tenant, app, to),
    read: (tenant, revision) => read(world, tenant, revision),
    pull: async (image) => {
      const [name = "", digest = ""] = image.slice(registry.host.length + 1).split("@");
      return (await (await registry.puller(name.split("/")[0] ?? "")).pull(name, digest)).digest;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
  return world;
}

interface Parts {
  hold: () => Promise<void>;
  deps: Deps;
  busy: Set<AppKey>;
  registry: TestRegistry;
  folder: string;
}

async function serveKinds({ admin }: ControlPlane): Promise<void> {
  for (const crd of Bun.YAML.parse(String(crds)) as { apiVersion: string; kind: string }[]) await admin.apply(crd);
  for (const plural of ["apps", "revisions"]) while (!(await admin.fetch(`/apis/${DAVIT_API}/${plural}`)).ok) await Bun.sleep(20);
  await admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "davit-staging" } });
}

async function push(parts: Parts, tenant: Tenant, app: string, files: Record<string, string>): Promise<Pushed> {
  const { deps, busy } = parts;
  const key: AppKey = `${tenant.name}/${app}`;
  const tree = await upload(deps, tenant, { Dockerfile: "FROM scratch\n", ...files });
  const accepted = await accept(deps, tenant, app, { source: { kind: "tree", tree } }, "ann");
  if (accepted.outcome !== "accepted") throw new Error("the push was found to be unchanged");
  busy.add(key);
  try {
    await read(parts, tenant, accepted.revision);
    const image = await build(parts, key, accepted.revision, Object.values(files));
    return await live(deps, tenant, accepted.revision, image);
  } finally {
    busy.delete(key);
  }
}

async function rollBack({ deps, busy }: Parts, tenant: Tenant, app: string, to: number): Promise<Pushed | undefined> {
  const key: AppKey = `${tenant.name}/${app}`;
  const accepted = await accept(deps, tenant, app, { from: to }, "ann").catch((error) => {
    if (error.code === "revision_not_found") return undefined;
    throw error;
  });
  if (accepted?.outcome !== "accepted") return undefined;
  busy.add(key);
  try {
    const image = (await getRevision(deps.kube, tenant.name, app, to))?.status?.image ?? "";
    return await live(deps, tenant, accepted.revision, image);
  } finally {
    busy.delete(key);
  }
}

async function live({ kube }: Deps, tenant: Tenant, accepted: Revision, image: string): Promise<Pushed> {
  const revision = await patchRevision(kube, accepted, { image, ...LIVE });
  const { app: name, number } = revision.spec;
  await setAppStatus(kube, { metadata: { name, namespace: tenant.name } } as App, { revision: number, image });
  return { revision, image };
}

async function upload({ sources }: Deps, { uid }: Tenant, files: Record<string, string>): Promise<string> {
  const entries = Object.entries(files)
    .map(([path, text]): TreeEntry => ({ kind: "file", path, mode: 0o644, size: text.length, chunks: [sha256(text)] }))
    .sort(byPath);
  const tree = treeId(entries);
  const { missing } = await sources.negotiate(uid, { tree, entries });
  const texts = new Map(Object.values(files).map((text) => [sha256(text), text]));
  const pack = Buffer.concat(missing.map((digest) => encodeFrame(digest, Buffer.from(texts.get(digest) ?? ""))));
  if (pack.length > 0) await sources.putPack(uid, sha256(pack), async () => pack);
  return tree;
}

/** As a staging Pod reads it: by URLs only. */
async function read({ deps, folder, hold }: Parts, tenant: Tenant, revision: Revision): Promise<void> {
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url, { headers, tls: { rejectUnauthorized: false } });
    if (!response.ok) throw new Error(`the store answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
  const order = SourceOrder.parse(JSON.parse(new TextDecoder().decode(await get(await sourceUrl({ ...deps, tenant, revision })))));
  await hold();
  const volume = join(folder, "volumes", randomUUID());
  mkdirSync(volume, { recursive: true });
  await hydrate(volume, order, get);
}

async function build({ deps, registry }: Parts, app: AppKey, { spec }: Revision, layers: string[]): Promise<string> {
  await (await registry.build(app, `${app}/cache`)).push(`key-${spec.number}`, [`what a RUN of revision ${spec.number} made`]);
  const digest = await (await registry.build(app)).push(String(spec.number), layers);
  return `${deps.registry.name}/${app}@${digest}`;
}

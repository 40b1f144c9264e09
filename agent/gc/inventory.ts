import type { Kube } from "#shared/kube/client";
import type { V1Deployment } from "#shared/kube/objects";
import type { Deps } from "../deps.ts";
import { byDigest, byTag, parseImage } from "../image/reference.ts";
import { ownName } from "../images/image-registry.ts";
import { LABEL } from "../objects/meta.ts";
import { type App, DAVIT_API, type Revision } from "../objects/types.ts";
import { keys } from "../store/keys.ts";
import type { StoredObject } from "../store/object-store.ts";
import type { AppFacts, RecordFacts, RevisionFacts, TenantFacts } from "./facts.ts";
import { listMetadata } from "./list-metadata.ts";

/** Whose garbage, and how much of it: of apps that are gone only, or all. */
export interface Scope {
  /** The namespace. */
  name: string;
  uid: string;
  /** Infinity: no revision of an app that is there. */
  keepRevisions: number;
}

/** What is stored of a tenant's packs: sizes of packs and of their indexes, by the pack's id. */
export interface StoredPacks {
  packs: Map<string, number>;
  indexes: Map<string, number>;
}

/** What may be garbage is read before what keeps things from being garbage: what is made in between is no candidate. */
export async function readTenant(deps: Deps, scope: Scope): Promise<{ facts: TenantFacts; stored: StoredPacks }> {
  const { kube, registry, store } = deps;
  const { name: namespace, uid, keepRevisions } = scope;
  const [repositories, objects] = await Promise.all([registry.read(namespace), store.look(keys.tenant(uid))]);
  const below = (kind: string) => objects.flatMap((object) => tail(object, `${keys.tenant(uid)}${kind}/`));
  const secrets = Number.isFinite(keepRevisions) ? await readEnvSecrets(kube, namespace) : [];
  const deployments = Number.isFinite(keepRevisions) ? await kube.list<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace }) : [];
  const [apps, revisions] = await Promise.all([
    kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace }),
    kube.list<Revision>({ apiVersion: DAVIT_API, kind: "Revision", namespace }),
  ]);
  const inRegistry = (image: string) => ownName(registry, image) ?? [];
  return {
    facts: {
      now: Date.now(),
      namespace,
      keepRevisions,
      apps: apps.filter(({ metadata }) => !metadata.deletionTimestamp).map((app) => appFacts(app, imagesOf(deployments, app).flatMap(inRegistry))),
      revisions: revisions.map((revision) => revisionFacts(revision, ownName(registry, imageOf(revision)))),
      repositories,
      trees: below("trees").map(({ rest, bytes }) => ({ id: rest, bytes })),
      offers: below("offers").map(({ rest, at }) => ({ tree: rest, at })),
      records: [...recordsOf("log", below("logs")), ...recordsOf("order", below("orders"))],
      secrets,
    },
    stored: {
      packs: new Map(below("packs").map(({ rest, bytes }) => [rest, bytes])),
      indexes: new Map(below("chunks-index").map(({ rest, bytes }) => [rest, bytes])),
    },
  };
}

function imagesOf(deployments: readonly V1Deployment[], app: App): string[] {
  return deployments
    .filter(({ metadata }) => metadata?.name === app.metadata.name)
    .flatMap(({ spec }) => (spec?.template.spec?.containers ?? []).map(({ image }) => image ?? ""));
}

function appFacts({ metadata, status }: App, images: string[]): AppFacts {
  return { name: metadata.name, images, ...(status?.revision === undefined ? {} : { serving: status.revision }) };
}

/** What it runs, or what it was asked to run. */
function imageOf({ spec, status }: Revision): string {
  if (status?.image || spec.source.kind !== "image") return status?.image ?? "";
  const reference = parseImage(spec.source.image);
  return reference.digest ? byDigest(reference, reference.digest) : byTag(reference);
}

function revisionFacts({ metadata, spec, status }: Revision, image: string | undefined): RevisionFacts {
  const tree = spec.source.kind === "tree" ? spec.source.tree : (status?.tree ?? spec.fetched?.tree);
  return {
    app: spec.app,
    number: spec.number,
    at: Date.parse(metadata.creationTimestamp ?? ""),
    ended: status?.outcome !== undefined,
    live: status?.outcome === "live",
    pods: spec.pods,
    ...(image === undefined ? {} : { image }),
    ...(tree === undefined ? {} : { tree }),
  };
}

interface Tail extends StoredObject {
  /** What the key has after the prefix. */
  rest: string;
}

function tail(object: StoredObject, prefix: string): Tail[] {
  return object.key.startsWith(prefix) ? [{ ...object, rest: object.key.slice(prefix.length) }] : [];
}

/** The objects `app/number` and `app/number/…`, by revision. */
function recordsOf(kind: RecordFacts["kind"], objects: readonly Tail[]): RecordFacts[] {
  const byRevision = Map.groupBy(objects, ({ rest }) => rest.split("/").slice(0, 2).join("/"));
  return [...byRevision].map(([name, parts]) => {
    const [app = "", number] = name.split("/");
    return {
      kind,
      app,
      number: Number(number),
      bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
      at: Math.max(...parts.map(({ at }) => at)),
      keys: parts.map(({ key }) => key),
    };
  });
}

async function readEnvSecrets(kube: Kube, namespace: string): Promise<TenantFacts["secrets"]> {
  const secrets = await listMetadata(kube, { apiVersion: "v1", kind: "Secret", namespace }, LABEL.app);
  return secrets.flatMap(({ name = "", labels, creationTimestamp = "", ownerReferences = [] }) => {
    const app = labels?.[LABEL.app] ?? "";
    if (!new RegExp(`^${app}-\\d+-env$`).test(name)) return [];
    return [{ name, app, owned: ownerReferences.length > 0, at: Date.parse(creationTimestamp) }];
  });
}

import type { GarbageItem } from "#shared/garbage";
import type { Kube } from "#shared/kube/client";
import type { V1Namespace } from "#shared/kube/objects";
import type { Ref } from "#shared/kube/resource";
import type { Deps } from "../deps.ts";
import { LABEL, STAGING } from "../objects/meta.ts";
import { type App, DAVIT_API } from "../objects/types.ts";
import { keys } from "../store/keys.ts";
import { listMetadata } from "./list-metadata.ts";
import { judgeOrphans, type OrphanFacts, type StagedFacts } from "./orphan-policy.ts";
import { PATIENCE_MS } from "./tenant.ts";

/** What an app has in the staging namespace, in the words of the report. */
const STAGED = {
  Job: { apiVersion: "batch/v1", what: "job" },
  PersistentVolumeClaim: { apiVersion: "v1", what: "volume" },
  Secret: { apiVersion: "v1", what: "secret" },
} as const;

/** Collects what apps and namespaces that are gone left behind outside the tenants' namespaces. */
export async function collectOrphans(deps: Deps, dryRun: boolean): Promise<GarbageItem[]> {
  const { staged, stored, images } = judgeOrphans(await readOrphans(deps));
  const items = staged.map(({ of, keep, why }) => item(STAGED[of.kind].what, `${STAGING}/${of.name}`, keep, why, null));
  for (const { of, keep } of staged) if (!keep && !dryRun) await deps.kube.remove({ ...refOf(of.kind), name: of.name });
  for (const { of: uid, keep, why } of stored) {
    const bytes = keep ? null : await forgetTenant(deps, uid, dryRun);
    items.push(item("namespace", uid, keep, why, bytes));
  }
  items.push(...images.map(({ of, keep, why }) => item("image", `${of.repository}@${of.digest}`, keep, why, null)));
  if (!dryRun) await deps.registry.remove(images.map(({ of }) => of));
  return items;
}

/** Takes away all that the store has of a namespace that is gone, and tells how much it was. */
export async function forgetTenant({ store, sources, locks }: Deps, uid: string, dryRun = false): Promise<number> {
  return await locks.alone(uid, PATIENCE_MS, async () => {
    const objects = await store.look(keys.tenant(uid));
    if (!dryRun) {
      await store.remove(objects.map(({ key }) => key));
      sources.forget(uid);
    }
    return objects.reduce((sum, { bytes }) => sum + bytes, 0);
  });
}

/** What may be left behind is read first: an app is there before anything is made for it. */
async function readOrphans({ kube, store, registry }: Deps): Promise<OrphanFacts> {
  const [staged, stored, repositories] = await Promise.all([
    Promise.all((Object.keys(STAGED) as StagedFacts["kind"][]).map((kind) => readStaged(kube, kind))),
    store.folders(keys.tenants),
    registry.read(),
  ]);
  const [namespaces, apps] = await Promise.all([
    kube.list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" }),
    kube.list<App>({ apiVersion: DAVIT_API, kind: "App" }),
  ]);
  return {
    staged: staged.flat(),
    stored,
    images: repositories.flatMap(({ name, images }) => images.map(({ digest }) => ({ repository: name, digest }))),
    namespaces: new Map(namespaces.map(({ metadata }) => [metadata?.name ?? "", metadata?.uid ?? ""])),
    apps: new Set(apps.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)),
  };
}

async function readStaged(kube: Kube, kind: StagedFacts["kind"]): Promise<StagedFacts[]> {
  const found = await listMetadata(kube, refOf(kind), `${LABEL.app},${LABEL.namespace}`);
  return found.map(({ name = "", labels = {} }) => ({ kind, name, namespace: labels[LABEL.namespace] ?? "", app: labels[LABEL.app] ?? "" }));
}

function refOf(kind: StagedFacts["kind"]): Ref {
  return { apiVersion: STAGED[kind].apiVersion, kind, namespace: STAGING };
}

function item(what: string, ref: string, keep: boolean, why: string, bytes: number | null): GarbageItem {
  return { what, ref, action: keep ? "keep" : "collect", why, bytes };
}

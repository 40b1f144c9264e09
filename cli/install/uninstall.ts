import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { hasStatus } from "#shared/kube/fault";
import type { KubeObject, V1Namespace, V1PersistentVolumeClaim } from "#shared/kube/objects";
import { pathOf, type Ref } from "#shared/kube/resource";
import { waitFor, watch } from "#shared/kube/watch";
import { componentRef, MANAGED_LABEL, OWN_NAMESPACES } from "./components.ts";
import { readiness } from "./explain.ts";
import { forgetNodes } from "./forget-nodes.ts";
import { manifest } from "./manifests.ts";

/** How long what needs a healthy davit may take, before it is done without. */
const CLEANUP_MS = 60_000;
const APP = { apiVersion: "davit.dev/v1alpha1", kind: "App" };
const REVISION = { apiVersion: "davit.dev/v1alpha1", kind: "Revision" };

/** What would go, and what would stay. */
export interface Inventory {
  installed: boolean;
  /** Volumes with data: `namespace/name`. */
  volumes: string[];
  /** Apps: `namespace/name`. */
  apps: string[];
  /** Namespaces of apps. */
  tenants: string[];
}

export interface UninstallResult {
  removed: string[];
  kept: string[];
  /** What could not be undone on nodes, with how to do it by hand. */
  warnings: string[];
}

/** Looks at what is there. */
export async function takeInventory(kube: Kube): Promise<Inventory> {
  const claims = OWN_NAMESPACES.map((namespace) =>
    kube.list<V1PersistentVolumeClaim>({ apiVersion: "v1", kind: "PersistentVolumeClaim", namespace }),
  );
  const namespaces = await kube.list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" });
  const own = namespaces.filter((namespace) => (OWN_NAMESPACES as readonly string[]).includes(namespace.metadata?.name ?? ""));
  const apps = await listIfKnown(kube, APP);
  return {
    installed: own.length > 0 || (await leftovers(kube)),
    volumes: (await Promise.all(claims)).flat().map(fullName),
    apps: (apps ?? []).map(fullName),
    tenants: namespaces
      .filter((namespace) => namespace.metadata?.labels?.[MANAGED_LABEL] === "true")
      .map((namespace) => namespace.metadata?.name ?? ""),
  };
}

async function leftovers(kube: Kube): Promise<boolean> {
  const found = await Promise.all(clusterObjects().map((ref) => kube.get(ref)));
  return found.some((object) => object !== undefined);
}

/**
 * Removes davit; doing it again goes on where it stopped. Apps go on running unless `apps` is set: then they, and their
 * namespaces, go first, while the agent can still clean up behind them.
 */
export async function uninstall(
  kube: Kube,
  inventory: Inventory,
  options: { apps: boolean; signal: AbortSignal; tell: (line: string) => void },
): Promise<UninstallResult> {
  const { signal, tell } = options;
  const result: UninstallResult = { removed: [], kept: [], warnings: [] };
  if (options.apps) await removeTenants(kube, inventory, result, options);
  const warning = await forgetNodes(kube, options);
  if (warning) result.warnings.push(warning);

  for (const name of OWN_NAMESPACES) await kube.remove({ apiVersion: "v1", kind: "Namespace", name });
  for (const name of OWN_NAMESPACES) {
    tell(`waiting for the namespace ${name} to be gone`);
    await gone(kube, { apiVersion: "v1", kind: "Namespace", name }, signal);
    result.removed.push(`Namespace ${name}`);
  }
  // Without Apps there is nothing that goes with the kinds; with them, their owners decide.
  const keepKinds = !options.apps && inventory.apps.length > 0;
  for (const ref of clusterObjects()) {
    const keep = keepKinds && ref.kind === "CustomResourceDefinition";
    (keep ? result.kept : result.removed).push(`${ref.kind} ${ref.name}`);
    if (!keep) await kube.remove(ref);
  }
  if (!keepKinds) for (const ref of clusterObjects()) await gone(kube, ref, signal);
  if (!options.apps) result.kept.push(...inventory.tenants.map((name) => `Namespace ${name}`));
  tell("removed");
  return result;
}

/** Everything of davit's that is in no namespace, the kinds last: bindings, roles, CRDs. */
function clusterObjects(): (Ref & { name: string })[] {
  const order = ["ClusterRoleBinding", "ClusterRole", "CustomResourceDefinition"];
  const refs = [...manifest("rbac"), ...manifest("crds")].map(({ apiVersion = "", kind = "", metadata }) => ({
    apiVersion,
    kind,
    name: metadata?.name ?? "",
  }));
  return order.flatMap((kind) => refs.filter((ref) => ref.kind === kind));
}

async function removeTenants(
  kube: Kube,
  inventory: Inventory,
  result: UninstallResult,
  options: { signal: AbortSignal; tell: (line: string) => void },
): Promise<void> {
  const apps = (await listIfKnown(kube, APP)) ?? [];
  const mine = apps.filter((app) => inventory.tenants.includes(app.metadata?.namespace ?? ""));
  options.tell(`removing ${mine.length} apps and ${inventory.tenants.length} namespaces`);
  for (const app of mine) await kube.remove({ ...APP, namespace: app.metadata?.namespace, name: app.metadata?.name });
  await appsGone(kube, AbortSignal.any([options.signal, AbortSignal.timeout(CLEANUP_MS)]));
  options.signal.throwIfAborted();
  // Only without an agent is anything left: then nobody else would ever take the finalizers away.
  for (const ref of [APP, REVISION]) for (const object of (await listIfKnown(kube, ref)) ?? []) await dropFinalizers(kube, ref, object);
  for (const name of inventory.tenants) await kube.remove({ apiVersion: "v1", kind: "Namespace", name });
  for (const name of inventory.tenants) {
    await gone(kube, { apiVersion: "v1", kind: "Namespace", name }, options.signal);
    result.removed.push(`Namespace ${name}`);
  }
}

async function appsGone(kube: Kube, signal: AbortSignal): Promise<void> {
  const agent = await kube.get(componentRef("agent"));
  if (!agent || !readiness(agent).done) return;
  const left = new Set<string>();
  let listed = false;
  for await (const event of watch<KubeObject>(kube, APP, { signal })) {
    if (event.type === "set") left.add(fullName(event.object));
    if (event.type === "gone") left.delete(fullName(event.object));
    listed ||= event.type === "synced";
    if (listed && left.size === 0) return;
  }
}

async function dropFinalizers(kube: Kube, ref: Ref, object: V1Namespace): Promise<void> {
  if (!object.metadata?.deletionTimestamp || !object.metadata.finalizers?.length) return;
  const path = pathOf({ ...ref, namespace: object.metadata.namespace, name: object.metadata.name });
  const response = await kube.fetch(path, { method: "PATCH", contentType: "application/merge-patch+json", body: { metadata: { finalizers: [] } } });
  await response.body?.cancel();
}

async function gone(kube: Kube, ref: Ref & { name: string }, signal: AbortSignal): Promise<void> {
  try {
    await waitFor(kube, ref, (object) => (object === undefined ? true : undefined), signal);
  } catch (error) {
    if (!signal.aborted || signal.reason instanceof Fault) throw error;
    const namespace = ref.kind === "Namespace" ? await kube.get<V1Namespace>(ref) : undefined;
    const why = namespace?.status?.conditions?.find((condition) => condition.status === "True")?.message ?? "the cluster is still at it";
    throw new Fault("deadline", `the ${ref.kind} ${ref.name} is not gone yet: ${why}; run \`davit uninstall\` again to go on`, {
      details: { object: `${ref.kind} ${ref.name}` },
    });
  }
}

/** The objects, or undefined where the cluster does not know the kind. */
async function listIfKnown(kube: Kube, ref: Ref): Promise<KubeObject[] | undefined> {
  try {
    return await kube.list(ref);
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

function fullName(object: KubeObject): string {
  return `${object.metadata?.namespace}/${object.metadata?.name}`;
}

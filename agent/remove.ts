import { hasStatus } from "#shared/kube/fault";
import type { V1Namespace } from "#shared/kube/objects";
import { pathOf, type Ref } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { getApp, needApp } from "./apps.ts";
import type { Deps } from "./deps.ts";
import { FINALIZER, LABEL } from "./objects/meta.ts";
import { type App, DAVIT_API } from "./objects/types.ts";
import { removeStaging } from "./phases/staging-pod.ts";
import type { Runner } from "./runner.ts";
import { keys } from "./store/keys.ts";

/**
 * Deletes an app and waits until its name is free. What is in its namespace goes with the App object; what lies
 * elsewhere is taken away first, and the finalizer makes sure of it when the agent is killed on the way.
 */
export async function removeApp(deps: Deps, runner: Runner, namespace: string, name: string): Promise<void> {
  const app = await needApp(deps.kube, namespace, name);
  await deps.kube.remove({ apiVersion: DAVIT_API, kind: "App", namespace, name });
  await cleanUp(deps, runner, app);
}

/** Cleans up after every App that is deleted by whatever means, also with its namespace, until `signal` aborts. */
export async function followRemovals(deps: Deps, runner: Runner, signal: AbortSignal): Promise<void> {
  for await (const event of watch<App>(deps.kube, { apiVersion: DAVIT_API, kind: "App" }, { signal })) {
    if (event.type !== "set" || !event.object.metadata.deletionTimestamp) continue;
    const { name, namespace } = event.object.metadata;
    void cleanUp(deps, runner, event.object).catch((error) => deps.log("a deleted app could not be cleaned up", { namespace, app: name, error }));
  }
}

async function cleanUp(deps: Deps, runner: Runner, app: App): Promise<void> {
  const { kube, store } = deps;
  const { name, namespace } = app.metadata;
  await runner.cancel(namespace, name);
  const home = await kube.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name: namespace });
  // What is in a namespace that is being deleted goes with it, and the agent's role there may have gone already.
  const owned = home?.metadata?.deletionTimestamp ? [] : OWNED;
  await Promise.all([
    removeStaging(kube, namespace, name),
    // These would go with the App by themselves, but later than a new app of this name may need theirs.
    ...owned.map((kind) => removeAll(deps, { ...kind, namespace }, `${LABEL.app}=${name}`)),
    store.list(keys.logs(home?.metadata?.uid ?? "", name)).then((logs) => store.remove(logs)),
  ]);
  if (!(await getApp(kube, namespace, name))?.metadata.finalizers?.includes(FINALIZER)) return;
  const path = pathOf({ apiVersion: DAVIT_API, kind: "App", namespace, name });
  try {
    await kube.json(path, { method: "PATCH", contentType: "application/merge-patch+json", body: { metadata: { finalizers: null } } });
  } catch (error) {
    // Two may be at it: who asked for the deletion, and who follows all of them.
    if (!hasStatus(error, 404)) throw error;
  }
}

/** What an app has in its namespace, besides the Pods that go with the Deployment. */
const OWNED = [
  { apiVersion: "networking.k8s.io/v1", kind: "Ingress" },
  { apiVersion: "v1", kind: "Service" },
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: DAVIT_API, kind: "Revision" },
  { apiVersion: "v1", kind: "Secret" },
];

async function removeAll({ kube }: Deps, ref: Ref, labels: string): Promise<void> {
  const found = await kube.list(ref, { labels });
  await Promise.all(found.map((object) => kube.remove({ ...ref, name: object.metadata?.name })));
}

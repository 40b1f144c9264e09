import { hasStatus } from "#shared/kube/fault";
import type { V1Deployment, V1Namespace } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import type { Deps } from "./deps.ts";
import { imageForNodes } from "./images/image-registry.ts";
import { MANAGED } from "./objects/meta.ts";
import { type App, DAVIT_API } from "./objects/types.ts";
import { isPinned } from "./objects/workload.ts";
import type { Tenants } from "./tenants.ts";

const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment" };
/** An app that does not get ready by then is left to itself: the others do not wait for it. */
const ROLLOUT_MS = 60_000;

/**
 * After `davit install` has changed how nodes pull: lets every app name its image the new way, so that its Pods can start
 * on any node once the old way is gone. One after the other, because each new name is a rollout.
 */
export async function renameImages(deps: Deps, tenants: Tenants, stop: AbortSignal): Promise<void> {
  const namespaces = await deps.kube.list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" }, { labels: `${MANAGED}=true` });
  for (const { metadata } of namespaces) {
    const tenant = await tenants.need(metadata?.name ?? "");
    const apps = await deps.kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace: tenant.name });
    for (const app of apps) {
      stop.throwIfAborted();
      if (await rename(deps, app)) await rolledOut(deps, app, stop);
    }
  }
}

/** Whether it had another name. A push that deploys meanwhile names it right by itself, and wins. */
async function rename({ kube, registry, log }: Deps, { metadata: { namespace, name }, status }: App): Promise<boolean> {
  const deployment = await kube.get<V1Deployment>({ ...DEPLOYMENT, namespace, name });
  const image = deployment?.spec?.template.spec?.containers[0]?.image;
  const wanted = imageForNodes(registry, status?.image ?? "");
  if (!image || image === wanted || !isPinned(image) || digestOf(image) !== digestOf(wanted)) return false;
  const body = [
    { op: "test", path: "/metadata/resourceVersion", value: deployment.metadata?.resourceVersion },
    { op: "replace", path: "/spec/template/spec/containers/0/image", value: wanted },
  ];
  try {
    await kube.json(pathOf({ ...DEPLOYMENT, namespace, name }), { method: "PATCH", contentType: "application/json-patch+json", body });
  } catch (error) {
    if (hasStatus(error, 422) || hasStatus(error, 404)) return false;
    throw error;
  }
  log("an app's image is pulled by another name now", { namespace, app: name, image: wanted });
  return true;
}

async function rolledOut({ kube, log }: Deps, { metadata: { namespace, name } }: App, stop: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(ROLLOUT_MS);
  await waitFor<V1Deployment, true>(kube, { ...DEPLOYMENT, namespace, name }, isSettled, AbortSignal.any([stop, limit])).catch((error) => {
    if (!limit.aborted) throw error;
    log("an app does not get ready with its image's new name", { namespace, app: name });
  });
}

function digestOf(image: string): string | undefined {
  return image.split("@")[1];
}

function isSettled(deployment: V1Deployment | undefined): true | undefined {
  const { metadata, spec, status } = deployment ?? {};
  const seen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const wanted = spec?.replicas ?? 0;
  return !deployment || (seen && (status?.updatedReplicas ?? 0) === wanted && (status?.availableReplicas ?? 0) === wanted) || undefined;
}

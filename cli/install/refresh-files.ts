import type { Kube } from "#shared/kube/client";
import type { V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";

const REFRESHED = "davit.dev/refreshed-at";

/**
 * Has kubelet bring changed Secrets and ConfigMaps into the Pods of a component now: it looks at a Pod's volumes when the Pod
 * changes, and otherwise once in a minute or so.
 */
export async function refreshFiles(kube: Kube, component: string, namespace = "davit"): Promise<void> {
  const pods = { apiVersion: "v1", kind: "Pod", namespace };
  const body = { metadata: { annotations: { [REFRESHED]: new Date().toISOString() } } };
  for (const { metadata } of await kube.list<V1Pod>(pods, { labels: `app.kubernetes.io/component=${component}` })) {
    const answer = await kube.fetch(pathOf({ ...pods, name: metadata?.name }), {
      method: "PATCH",
      contentType: "application/merge-patch+json",
      body,
    });
    await answer.body?.cancel();
  }
}

import type { Kube } from "#shared/kube/client";
import type { V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";

const REFRESHED = "davit.dev/refreshed-at";

/**
 * Has kubelet bring changed Secrets into the component's Pods now: it looks at a Pod's volumes when the Pod changes, and
 * otherwise once in a minute or so.
 */
export async function refreshFiles(kube: Kube, component: string): Promise<void> {
  const pods = { apiVersion: "v1", kind: "Pod", namespace: "davit" };
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

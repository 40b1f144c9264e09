import { isOwn, type Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { untilNone } from "#shared/kube/watch";

/** Waits until every tenant's pull secret is as it should be, but for those that are somebody else's; how many tenants there are. */
export async function pullSecretsAre(kube: Kube, isRight: (secret: V1Secret) => boolean, signal: AbortSignal): Promise<number> {
  const ref = { apiVersion: "v1", kind: "Secret", name: "davit-pull" };
  await untilNone<V1Secret>(kube, ref, (secret) => isOwn(secret) && !isRight(secret), { signal });
  return (await kube.list({ apiVersion: "v1", kind: "Namespace" }, { labels: "davit.dev/managed=true", signal })).length;
}

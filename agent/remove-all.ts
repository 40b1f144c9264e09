import type { Kube } from "#shared/kube/client";
import type { Ref } from "#shared/kube/resource";

/** Deletes what `labels` select of a kind, one by one: not every kind can be deleted as a collection. */
export async function removeAll(kube: Kube, ref: Ref, labels: string): Promise<void> {
  const found = await kube.list(ref, { labels });
  await Promise.all(found.map((object) => kube.remove({ ...ref, name: object.metadata?.name })));
}

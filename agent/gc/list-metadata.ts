import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1OwnerReference } from "#shared/kube/objects";
import { pathOf, type Ref } from "#shared/kube/resource";

type Metadata = NonNullable<KubeObject["metadata"]> & { creationTimestamp?: string; ownerReferences?: V1OwnerReference[] };

/** Objects without what is in them: there are passwords in Secrets. */
export async function listMetadata(kube: Kube, ref: Ref, labels: string): Promise<Metadata[]> {
  const list = await kube.json<{ items: { metadata: Metadata }[] | null }>(pathOf(ref), {
    query: { labelSelector: labels },
    headers: { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" },
  });
  return (list.items ?? []).map(({ metadata }) => metadata);
}

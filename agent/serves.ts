import type { V1Deployment } from "#shared/kube/objects";
import type { Deps } from "./deps.ts";
import { imageForNodes } from "./images/image-registry.ts";
import type { AppSettings, Revision } from "./objects/types.ts";
import { replicasOf } from "./objects/workload.ts";

/** Whether the cluster runs a revision's image with as many instances as wanted, now. */
export async function serves({ kube, registry }: Pick<Deps, "kube" | "registry">, revision: Revision, settings: AppSettings): Promise<boolean> {
  const { namespace } = revision.metadata;
  const deployment = await kube.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace, name: revision.spec.app });
  const image = deployment?.spec?.template.spec?.containers[0]?.image;
  const wanted = revision.status?.image;
  return wanted !== undefined && image === imageForNodes(registry, wanted) && (deployment?.status?.availableReplicas ?? 0) >= replicasOf(settings);
}

import type { Kube } from "#shared/kube/client";
import type { V1Deployment } from "#shared/kube/objects";
import type { AppSettings, Revision } from "./objects/types.ts";
import { replicasOf } from "./objects/workload.ts";

/** Whether the cluster runs a revision's image with as many instances as wanted, now. */
export async function serves(kube: Kube, revision: Revision, settings: AppSettings): Promise<boolean> {
  const { namespace } = revision.metadata;
  const deployment = await kube.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace, name: revision.spec.app });
  const image = deployment?.spec?.template.spec?.containers[0]?.image;
  return image !== undefined && image === revision.status?.image && (deployment?.status?.availableReplicas ?? 0) >= replicasOf(settings);
}

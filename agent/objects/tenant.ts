import type { KubeObject, V1Namespace, V1Secret } from "#shared/kube/objects";
import type { ImageRegistry } from "../images/image-registry.ts";
import { PULL_LOGIN, PULL_SECRET } from "./meta.ts";

const labels = { "app.kubernetes.io/managed-by": "davit" };

/** The agent's role in a tenant's namespace. It has no rights in namespaces that are not davit's. */
export function tenantBinding(namespace: string): KubeObject {
  const binding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "davit-tenant", namespace, labels },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "davit-tenant" },
    subjects: [{ kind: "ServiceAccount", name: "davit-agent", namespace: "davit" }],
  };
  return binding;
}

/** Whether the namespace takes no Pods but those of Pod Security's strictest level. */
export function isRestricted(namespace: V1Namespace | undefined): boolean {
  return namespace?.metadata?.labels?.["pod-security.kubernetes.io/enforce"] === "restricted";
}

/** The credential with which nodes pull this tenant's images. */
export async function pullSecret(namespace: string, { id, config }: Awaited<ReturnType<ImageRegistry["pullLogin"]>>): Promise<V1Secret> {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: PULL_SECRET, namespace, labels, annotations: { [PULL_LOGIN]: id } },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": btoa(await config()) },
  };
}

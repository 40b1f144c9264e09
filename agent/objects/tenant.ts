import type { KubeObject, V1Secret } from "#shared/kube/objects";
import type { Config } from "../config.ts";
import { pullDockerConfig } from "../registry-client.ts";
import { KEY_ID, PULL_SECRET } from "./meta.ts";

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

/** The credential with which nodes pull this tenant's images, and no other's. */
export async function pullSecret(namespace: string, config: Config): Promise<V1Secret> {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: PULL_SECRET, namespace, labels, annotations: { [KEY_ID]: config.registryKey.kid } },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": btoa(await pullDockerConfig(config, namespace)) },
  };
}

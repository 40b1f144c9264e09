import type { KubeObject, V1Namespace } from "#shared/kube/objects";
import { MANAGED, OWN_LABELS } from "./meta.ts";

/** Whether the namespace is one that davit may use. */
export function isTenant(namespace: V1Namespace | undefined): boolean {
  return namespace?.metadata?.labels?.[MANAGED] === "true" && !namespace.metadata.deletionTimestamp;
}

/** The agent's role in a tenant's namespace. It has no rights in namespaces that are not davit's. */
export function tenantBinding(namespace: string): KubeObject {
  const binding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "davit-tenant", namespace, labels: OWN_LABELS },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "davit-tenant" },
    subjects: [{ kind: "ServiceAccount", name: "davit-agent", namespace: "davit" }],
  };
  return binding;
}

/** Whether the namespace takes no Pods but those of Pod Security's strictest level. */
export function isRestricted(namespace: V1Namespace | undefined): boolean {
  return namespace?.metadata?.labels?.["pod-security.kubernetes.io/enforce"] === "restricted";
}

/** Tells in a tenant's namespace, once an hour at most, that a Secret which davit needs there is somebody else's. */
export function foreignEvent(namespace: string, name: string, now = new Date().toISOString()): KubeObject {
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${name}.davit`, namespace, labels: OWN_LABELS },
    involvedObject: { apiVersion: "v1", kind: "Secret", namespace, name },
    type: "Warning",
    reason: "NotDavits",
    message: "davit needs a Secret of this name here and did not make this one, so it is left alone; delete it, and davit makes its own",
    source: { component: "davit" },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
  return event;
}

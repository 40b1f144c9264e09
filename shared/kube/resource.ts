/** Plural names of the kinds davit uses, and which of them live outside namespaces. Static: discovery would cost a request a command. */
const KINDS: Record<string, { plural: string; cluster?: true }> = {
  "v1/Namespace": { plural: "namespaces", cluster: true },
  "v1/Pod": { plural: "pods" },
  "v1/Service": { plural: "services" },
  "v1/Secret": { plural: "secrets" },
  "v1/ConfigMap": { plural: "configmaps" },
  "v1/ServiceAccount": { plural: "serviceaccounts" },
  "v1/PersistentVolumeClaim": { plural: "persistentvolumeclaims" },
  "v1/PersistentVolume": { plural: "persistentvolumes", cluster: true },
  "v1/Event": { plural: "events" },
  "v1/Node": { plural: "nodes", cluster: true },
  "apps/v1/Deployment": { plural: "deployments" },
  "apps/v1/ReplicaSet": { plural: "replicasets" },
  "apps/v1/DaemonSet": { plural: "daemonsets" },
  "batch/v1/Job": { plural: "jobs" },
  "networking.k8s.io/v1/Ingress": { plural: "ingresses" },
  "networking.k8s.io/v1/IngressClass": { plural: "ingressclasses", cluster: true },
  "networking.k8s.io/v1/NetworkPolicy": { plural: "networkpolicies" },
  "networking.k8s.io/v1/ServiceCIDR": { plural: "servicecidrs", cluster: true },
  "discovery.k8s.io/v1/EndpointSlice": { plural: "endpointslices" },
  "storage.k8s.io/v1/StorageClass": { plural: "storageclasses", cluster: true },
  "rbac.authorization.k8s.io/v1/Role": { plural: "roles" },
  "rbac.authorization.k8s.io/v1/RoleBinding": { plural: "rolebindings" },
  "rbac.authorization.k8s.io/v1/ClusterRole": { plural: "clusterroles", cluster: true },
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": { plural: "clusterrolebindings", cluster: true },
  "apiextensions.k8s.io/v1/CustomResourceDefinition": { plural: "customresourcedefinitions", cluster: true },
  "cert-manager.io/v1/Certificate": { plural: "certificates" },
  "coordination.k8s.io/v1/Lease": { plural: "leases" },
  "cert-manager.io/v1/Issuer": { plural: "issuers" },
  "cert-manager.io/v1/ClusterIssuer": { plural: "clusterissuers", cluster: true },
  "gateway.networking.k8s.io/v1/Gateway": { plural: "gateways" },
  "gateway.networking.k8s.io/v1/HTTPRoute": { plural: "httproutes" },
  "gateway.networking.k8s.io/v1beta1/ReferenceGrant": { plural: "referencegrants" },
  "davit.dev/v1alpha1/App": { plural: "apps" },
  "davit.dev/v1alpha1/Revision": { plural: "revisions" },
};

/** Points at an object, or, without a name, at all of its kind (in a namespace, or in all). */
export interface Ref {
  apiVersion: string;
  kind: string;
  namespace?: string | undefined;
  name?: string | undefined;
}

/** The object's, or the collection's, path at the API server. */
export function pathOf(ref: Ref, subresource?: string): string {
  const known = KINDS[`${ref.apiVersion}/${ref.kind}`];
  if (!known) throw new Error(`shared/kube/resource.ts does not list ${ref.apiVersion} ${ref.kind}`);
  const root = ref.apiVersion.includes("/") ? `/apis/${ref.apiVersion}` : `/api/${ref.apiVersion}`;
  const scope = ref.namespace && !known.cluster ? `/namespaces/${encodeURIComponent(ref.namespace)}` : "";
  const name = ref.name ? `/${encodeURIComponent(ref.name)}` : "";
  return `${root}${scope}/${known.plural}${name}${subresource ? `/${subresource}` : ""}`;
}

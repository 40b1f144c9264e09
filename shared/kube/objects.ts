/** The one place that names the types of @kubernetes/client-node. */
export type {
  V1ConfigMap,
  V1ContainerStatus,
  V1DaemonSet,
  V1Deployment,
  V1EnvFromSource,
  V1Ingress,
  V1IngressClass,
  V1Job,
  V1Namespace,
  V1NetworkPolicy,
  V1OwnerReference,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodSpec,
  V1Secret,
  V1Service,
  V1StorageClass,
} from "@kubernetes/client-node";

/** Any object of the API: what it is, what it is called, and whatever else. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
}

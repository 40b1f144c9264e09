import type { Ref } from "#shared/kube/resource";
import type { InstalledOptions } from "./options.ts";

/** What an installation consists of, in the order in which one needs the other. */
export const COMPONENTS = [
  { name: "s3", ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "s3" } },
  { name: "registry", ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "registry" } },
  { name: "node-trust", ref: { apiVersion: "apps/v1", kind: "DaemonSet", namespace: "davit-node", name: "davit-node-trust" } },
  { name: "agent", ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "davit-agent" } },
] as const satisfies { name: string; ref: Ref & { name: string } }[];

type Deciding = Pick<InstalledOptions, "s3" | "registry" | "nodeTrust">;

/** What an installation with these options consists of, in the same order. */
export function componentsOf(options: Deciding): ComponentName[] {
  const absent = { s3: options.s3 !== undefined, registry: options.registry !== undefined, "node-trust": !needsNodeTrust(options), agent: false };
  return COMPONENTS.map(({ name }) => name).filter((name) => !absent[name]);
}

/** Whether nodes have to be told about the registry: not of one whose certificate they trust anyway, nor where that is somebody else's task. */
function needsNodeTrust({ registry, nodeTrust = "daemonset" }: Deciding): boolean {
  if (nodeTrust !== "daemonset") return false;
  return registry === undefined || registry.plainHttp || registry.ca !== "";
}

export type ComponentName = (typeof COMPONENTS)[number]["name"];

export function componentRef(name: ComponentName): Ref & { name: string } {
  const found = COMPONENTS.find((component) => component.name === name);
  if (!found) throw new Error(`no component ${name}`);
  return found.ref;
}

/** Only where nodes pull in clear. */
export const NODEPORT_SERVICE = { apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry-nodeport" };
export const REGISTRY_SERVICE = { apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry" };
export const REGISTRY_HOST = "registry.davit.svc.cluster.local";
export const REGISTRY = `${REGISTRY_HOST}:5000`;
export const S3_HOST = "s3.davit.svc.cluster.local";
/** davit's own namespaces; that of the node-trust DaemonSet last, because uninstall still needs it when the others go. */
export const OWN_NAMESPACES = ["davit-staging", "davit", "davit-node"] as const;
export const MANAGED_LABEL = "davit.dev/managed";

import type { Ref } from "#shared/kube/resource";
import type { ExternalRegistry } from "./external.ts";
import type { InstalledOptions } from "./options.ts";

/** What an installation consists of, in the order in which one needs the other. */
export const COMPONENTS = [
  { name: "s3", ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "s3" } },
  { name: "registry", ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "registry" } },
  { name: "node-trust", ref: { apiVersion: "apps/v1", kind: "DaemonSet", namespace: "davit-node", name: "davit-node-trust" } },
  { name: "agent", ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "davit-agent" } },
] as const satisfies { name: string; ref: Ref & { name: string } }[];

export type Places = Pick<InstalledOptions, "s3" | "registry" | "formerRegistry">;
type Deciding = Places & Pick<InstalledOptions, "nodeTrust">;

/** What an installation with these options consists of, in the same order. */
export function componentsOf(options: Deciding): ComponentName[] {
  const absent = { s3: options.s3 !== undefined, registry: !hasBuiltInRegistry(options), "node-trust": !needsNodeTrust(options), agent: false };
  return COMPONENTS.map(({ name }) => name).filter((name) => !absent[name]);
}

export function hasBuiltInRegistry({ registry, formerRegistry }: Places): boolean {
  return registry === undefined || formerRegistry === "built-in";
}

/** The external registry that there is, or was until a moment ago. */
export function externalRegistryOf({ registry, formerRegistry }: Places): ExternalRegistry | undefined {
  return registry ?? (formerRegistry === "built-in" ? undefined : formerRegistry);
}

/** Whether nodes have to be told about a registry: not of one whose certificate they trust anyway, nor where that is somebody else's task. */
function needsNodeTrust({ nodeTrust = "daemonset", ...places }: Deciding): boolean {
  if (nodeTrust !== "daemonset") return false;
  const external = externalRegistryOf(places);
  return hasBuiltInRegistry(places) || (external !== undefined && (external.plainHttp || external.ca !== ""));
}

export type ComponentName = (typeof COMPONENTS)[number]["name"];

export function componentRef(name: ComponentName): Ref & { name: string } {
  const found = COMPONENTS.find((component) => component.name === name);
  if (!found) throw new Error(`no component ${name}`);
  return found.ref;
}

/** Only where nodes pull in clear. */
export const NODEPORT_SERVICE = { apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry-nodeport" };
/** Only where nodes pull by it. */
export const PUBLIC_REGISTRY_INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: "davit", name: "davit-registry" };
export const REGISTRY_SERVICE = { apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry" };
export const REGISTRY_HOST = "registry.davit.svc.cluster.local";
/** What the names of all images of the built-in registry begin with. */
export const REGISTRY = `${REGISTRY_HOST}:5000`;
export const S3_HOST = "s3.davit.svc.cluster.local";
/** davit's own namespaces; that of the node-trust DaemonSet last, because uninstall still needs it when the others go. */
export const OWN_NAMESPACES = ["davit-staging", "davit", "davit-node"] as const;
export const MANAGED_LABEL = "davit.dev/managed";

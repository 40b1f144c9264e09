import { z } from "zod";
import type { KubeObject, V1OwnerReference } from "./kube/objects.ts";

/** A Gateway of the Gateway API, through which requests come to apps and to the agent in place of an ingress. */
export const GatewayRef = z.object({ namespace: z.string().min(1), name: z.string().min(1) });
export type GatewayRef = z.infer<typeof GatewayRef>;

export const GATEWAY_GROUP = "gateway.networking.k8s.io";
export const GATEWAY_API = `${GATEWAY_GROUP}/v1`;
export const GATEWAY = { apiVersion: GATEWAY_API, kind: "Gateway" } as const;
export const HTTP_ROUTE = { apiVersion: GATEWAY_API, kind: "HTTPRoute" } as const;

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  observedGeneration?: number;
}

/** As far as it matters here. */
export interface Gateway extends KubeObject {
  metadata?: KubeObject["metadata"] & { generation?: number };
  spec?: { listeners?: Listener[] };
  status?: { addresses?: { value: string }[]; conditions?: Condition[]; listeners?: { name: string; conditions?: Condition[] }[] };
}

export interface Listener {
  name: string;
  protocol: string;
  hostname?: string;
  allowedRoutes?: { namespaces?: { from?: string } };
  tls?: { certificateRefs?: { name: string; namespace?: string }[] };
}

/** As far as it matters here. */
export interface HttpRoute extends KubeObject {
  metadata?: KubeObject["metadata"] & { generation?: number; ownerReferences?: V1OwnerReference[] };
  spec?: {
    parentRefs?: GatewayRef[];
    hostnames?: string[];
    rules?: { matches?: { path?: { type: string; value: string } }[]; backendRefs?: { name: string; port: number }[] }[];
  };
  status?: { parents?: { parentRef: { namespace?: string; name: string }; conditions?: Condition[] }[] };
}

export function gatewayName({ namespace, name }: GatewayRef): string {
  return `Gateway ${namespace}/${name}`;
}

/** Whether a condition is true of the object as it is now. */
export function holds(conditions: readonly Condition[] | undefined, type: string, generation: number | undefined): boolean {
  const found = conditions?.find((condition) => condition.type === type);
  return found?.status === "True" && (found.observedGeneration ?? 0) >= (generation ?? 0);
}

/** Whether the Gateway serves the route as it is now. */
export function isAccepted(route: HttpRoute | undefined, gateway: GatewayRef): boolean {
  return holds(conditionsOf(route, gateway), "Accepted", route?.metadata?.generation);
}

/** What the Gateway has against the route; undefined: nothing. */
export function refusalOf(route: HttpRoute | undefined, gateway: GatewayRef): string | undefined {
  const conditions = conditionsOf(route, gateway);
  if (!conditions) return `the ${gatewayName(gateway)} has not looked at the HTTPRoute`;
  const failed = conditions.find(({ type, status }) => (type === "Accepted" || type === "ResolvedRefs") && status === "False");
  return failed && `the ${gatewayName(gateway)} says ${failed.reason}${failed.message ? `: ${failed.message}` : ""}`;
}

function conditionsOf(route: HttpRoute | undefined, { namespace, name }: GatewayRef): Condition[] | undefined {
  return route?.status?.parents?.find(({ parentRef }) => parentRef.name === name && parentRef.namespace === namespace)?.conditions;
}

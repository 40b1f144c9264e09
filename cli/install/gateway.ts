import { TLS_SECRET } from "#shared/certificates";
import { Fault } from "#shared/fault";
import {
  GATEWAY,
  GATEWAY_API,
  type Gateway,
  type GatewayRef,
  gatewayName,
  HTTP_ROUTE,
  type HttpRoute,
  holds,
  isAccepted,
  type Listener,
  refusalOf,
} from "#shared/gateway";
import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import type { Ref } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import { isServed } from "./is-served.ts";
import { agentHost, type InstallOptions } from "./options.ts";
import type { Problem } from "./preflight.ts";

/** A Gateway's controller looks again when the Secret and the right to read it are there. */
const READY_MS = 30_000;
/** The agent's HTTPRoute, and its Ingress. */
export const AGENT = { namespace: "davit", name: "davit-agent" };
const MANAGED = "app.kubernetes.io/managed-by=davit";

/** What the cluster has of the Gateway API. */
export interface GatewayFacts {
  /** The one that was chosen; undefined where there is none of its name. */
  gateway: Gateway | undefined;
  /** Routes of davit's are there although no Gateway is chosen, any more. */
  routesLeft: boolean;
}

export async function lookForGateway(kube: Kube, ref: GatewayRef | undefined): Promise<GatewayFacts> {
  if (!(await isServed(kube, GATEWAY_API))) return { gateway: undefined, routesLeft: false };
  if (ref) return { gateway: await kube.get<Gateway>({ ...GATEWAY, ...ref }), routesLeft: false };
  return { gateway: undefined, routesLeft: (await kube.list(HTTP_ROUTE, { labels: MANAGED })).length > 0 };
}

/** What is in the way of the Gateway that was chosen. `wildcard`: there is one certificate for all of the domain. */
export function gatewayProblems(
  { gateway: ref, domain }: Pick<InstallOptions, "gateway" | "domain">,
  found: Gateway | undefined,
  wildcard: boolean,
): Problem[] {
  if (!ref) return [];
  const called = `the ${gatewayName(ref)}`;
  const problem = (text: string, fix: string): Problem => ({ check: "gateway", problem: text, fix });
  if (!found) return [problem(`${called} is not there`, "`kubectl get gateways --all-namespaces` shows those there are")];
  const listener = `add one: protocol HTTPS, allowedRoutes: { namespaces: { from: All } }, tls: { certificateRefs: [{ namespace: davit, name: ${TLS_SECRET.wildcard} }] }; the Secret and the right to use it are made by \`davit install\``;
  return [
    ...(isSeen(found) ? [] : [problem(`no controller has taken ${called}`, `\`kubectl -n ${ref.namespace} describe gateway ${ref.name}\` says why`)]),
    ...(listenersOf(found, domain).length > 0
      ? []
      : [problem(`${called} has no listener that shows davit's certificate for ${agentHost(domain)} to routes of all namespaces`, listener)]),
    ...(wildcard ? [] : [problem(`${called} would need a listener for each app: the issuer gives every host a certificate of its own`, ONE_FOR_ALL)]),
  ];
}

const ONE_FOR_ALL = "choose an issuer that can issue for *.DOMAIN: private-ca, byo, or an existing one with a DNS-01 solver";

/** Before anybody looked, the API server itself says that it is not known. */
function isSeen({ status }: Gateway): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Accepted" && value !== "Unknown") ?? false;
}

/** The listeners that serve all of davit's hosts below the domain. */
function listenersOf({ spec }: Gateway, domain: string): Listener[] {
  return (spec?.listeners ?? []).filter(
    ({ protocol, hostname, allowedRoutes, tls }) =>
      protocol === "HTTPS" &&
      allowedRoutes?.namespaces?.from === "All" &&
      (hostname === undefined || (hostname.startsWith("*.") && agentHost(domain).endsWith(hostname.slice(1)))) &&
      tls?.certificateRefs?.some(({ namespace, name }) => namespace === "davit" && name === TLS_SECRET.wildcard),
  );
}

/** Why the Gateway cannot serve davit's hosts yet; undefined: it can. */
export function unready(found: Gateway | undefined, domain: string): string | undefined {
  const [listener] = found ? listenersOf(found, domain) : [];
  if (!found || !listener) return "it has no listener for them any more";
  const conditions = found.status?.listeners?.find(({ name }) => name === listener.name)?.conditions;
  const isReady = ["ResolvedRefs", "Programmed"].every((type) => holds(conditions, type, found.metadata?.generation));
  if (isReady) return undefined;
  const failed = conditions?.find(({ type, status }) => (type === "ResolvedRefs" || type === "Programmed") && status !== "True");
  return `its listener ${listener.name} ${failed?.message ?? "is not programmed"}`;
}

/** Waits until the Gateway shows davit's certificate. @throws Fault gateway_not_ready */
export async function gatewayReady(kube: Kube, { gateway, domain }: InstallOptions, signal: AbortSignal): Promise<void> {
  if (gateway) await soon<Gateway>(kube, { ...GATEWAY, ...gateway }, (found) => unready(found, domain), { gateway, signal });
}

/** Waits until the Gateway leads to the agent. @throws Fault gateway_not_ready */
export async function agentRouted(kube: Kube, gateway: GatewayRef, signal: AbortSignal): Promise<void> {
  const why = (route: HttpRoute | undefined) => (isAccepted(route, gateway) ? undefined : (refusalOf(route, gateway) ?? "it has not looked again"));
  await soon<HttpRoute>(kube, { ...HTTP_ROUTE, ...AGENT }, why, { gateway, signal });
}

/** Waits until there is no reason why not. */
async function soon<T extends KubeObject>(
  kube: Kube,
  ref: Ref & { name: string },
  whyNot: (found: T | undefined) => string | undefined,
  { gateway, signal }: { gateway: GatewayRef; signal: AbortSignal },
): Promise<void> {
  let why: string | undefined;
  const limit = AbortSignal.timeout(READY_MS);
  const isSo = (found: T | undefined) => {
    why = whyNot(found);
    return why === undefined || undefined;
  };
  try {
    await waitFor<T, true>(kube, ref, isSo, AbortSignal.any([signal, limit]));
  } catch (error) {
    if (!limit.aborted) throw error;
    throw new Fault("gateway_not_ready", `the ${gatewayName(gateway)} does not serve davit: ${why}`, { details: { ...gateway } });
  }
}

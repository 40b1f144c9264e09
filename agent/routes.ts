import { Fault } from "#shared/fault";
import { HTTP_ROUTE, type HttpRoute } from "#shared/gateway";
import type { V1Ingress } from "#shared/kube/objects";
import type { Deps } from "./deps.ts";
import { LABEL } from "./objects/meta.ts";
import { splitRoute } from "./objects/route.ts";

/** Who asks for routes. */
interface Claimant {
  namespace: string;
  app: string;
}

/** An Ingress's or HTTPRoute's share in a host. */
interface Claim {
  kind: string;
  namespace: string;
  name: string;
  app: string | undefined;
  host: string | undefined;
  paths: string[];
}

/** @throws Fault route_taken when an Ingress or HTTPRoute of somebody else stands in the way of one of the routes */
export async function checkRoutes({ kube, config }: Pick<Deps, "kube" | "config">, claimant: Claimant, routes: readonly string[]): Promise<void> {
  const [ingresses, httpRoutes] = await Promise.all([
    kube.list<V1Ingress>({ apiVersion: "networking.k8s.io/v1", kind: "Ingress" }),
    config.gateway || config.httpRoutesLeft ? kube.list<HttpRoute>(HTTP_ROUTE) : [],
  ]);
  const taken = takenRoute([...ingresses.flatMap(claimsOfIngress), ...httpRoutes.flatMap(claimsOfHttpRoute)], claimant, routes);
  if (!taken) return;
  throw new Fault("route_taken", `the route ${taken.route} belongs to ${taken.owner}`, { details: taken });
}

/**
 * The first route that is not free. A host belongs to one namespace: another tenant gets no path of it either, because
 * it could answer in the owner's name. Within a namespace apps may share a host, each with paths of its own.
 */
export function takenRoute(claims: readonly Claim[], claimant: Claimant, routes: readonly string[]): { route: string; owner: string } | undefined {
  for (const { kind, namespace, name, app, host: claimed, paths } of claims) {
    if (namespace === claimant.namespace && app === claimant.app) continue;
    const route = routes.find((wanted) => {
      const { host, path } = splitRoute(wanted);
      return host === claimed && (namespace !== claimant.namespace || paths.includes(path));
    });
    if (route === undefined) continue;
    return { route, owner: app !== undefined && namespace === claimant.namespace ? `the app '${app}'` : `${kind} ${namespace}/${name}` };
  }
  return undefined;
}

export function claimsOfIngress(ingress: V1Ingress): Claim[] {
  if (isProof(ingress)) return [];
  return (ingress.spec?.rules ?? []).map(({ host, http }) => ({
    ...ownerOf("Ingress", ingress),
    host,
    paths: (http?.paths ?? []).map((path) => path.path ?? "/"),
  }));
}

export function claimsOfHttpRoute(route: HttpRoute): Claim[] {
  const paths = (route.spec?.rules ?? []).flatMap(({ matches }) => (matches ?? [{}]).map(({ path }) => path?.value ?? "/"));
  return (route.spec?.hostnames ?? []).map((host) => ({ ...ownerOf("HTTPRoute", route), host, paths }));
}

function ownerOf(kind: string, { metadata }: V1Ingress | HttpRoute): Pick<Claim, "kind" | "namespace" | "name" | "app"> {
  const { name = "", namespace = "", labels } = metadata ?? {};
  return { kind, namespace, name, app: labels?.[LABEL.app] };
}

/** cert-manager's, for minutes: it proves to an ACME server that the route of a certificate of davit's is here. */
function isProof({ metadata }: V1Ingress): boolean {
  return metadata?.namespace === "davit" && metadata.labels?.["acme.cert-manager.io/http01-solver"] === "true";
}

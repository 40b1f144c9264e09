import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Ingress } from "#shared/kube/objects";
import { LABEL } from "./objects/meta.ts";
import { splitRoute } from "./objects/route.ts";

/** Who asks for routes. */
interface Claimant {
  namespace: string;
  app: string;
}

/** @throws Fault route_taken when an Ingress of somebody else stands in the way of one of the routes */
export async function checkRoutes(kube: Kube, claimant: Claimant, routes: readonly string[]): Promise<void> {
  const taken = takenRoute(await kube.list<V1Ingress>({ apiVersion: "networking.k8s.io/v1", kind: "Ingress" }), claimant, routes);
  if (!taken) return;
  throw new Fault("route_taken", `the route ${taken.route} belongs to ${taken.owner}`, { details: taken });
}

/**
 * The first route that is not free. A host belongs to one namespace: another tenant gets no path of it either, because
 * it could answer in the owner's name. Within a namespace apps may share a host, each with paths of its own.
 */
export function takenRoute(
  ingresses: readonly V1Ingress[],
  claimant: Claimant,
  routes: readonly string[],
): { route: string; owner: string } | undefined {
  for (const ingress of ingresses) {
    if (isProof(ingress)) continue;
    const { name = "", namespace = "", labels } = ingress.metadata ?? {};
    const app = labels?.[LABEL.app];
    if (namespace === claimant.namespace && app === claimant.app) continue;
    for (const rule of ingress.spec?.rules ?? []) {
      const paths = (rule.http?.paths ?? []).map((path) => path.path ?? "/");
      const route = routes.find((wanted) => {
        const { host, path } = splitRoute(wanted);
        return host === rule.host && (namespace !== claimant.namespace || paths.includes(path));
      });
      if (route === undefined) continue;
      return { route, owner: app !== undefined && namespace === claimant.namespace ? `the app '${app}'` : `Ingress ${namespace}/${name}` };
    }
  }
  return undefined;
}

/** cert-manager's, for minutes: it proves to an ACME server that the route of a certificate of davit's is here. */
function isProof({ metadata }: V1Ingress): boolean {
  return metadata?.namespace === "davit" && metadata.labels?.["acme.cert-manager.io/http01-solver"] === "true";
}

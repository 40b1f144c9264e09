import { type GatewayRef, HTTP_ROUTE, type HttpRoute } from "#shared/gateway";
import { sha256 } from "#shared/pack";
import { appLabels, ownedBy } from "./meta.ts";
import { splitRoute } from "./route.ts";
import type { App } from "./types.ts";
import { SERVICE_PORT } from "./workload.ts";

/** Kubernetes' limit. */
const MAX_NAME = 253;

/**
 * The HTTPRoutes of an app, one for each host: in one of them, every path would be every host's. Nothing in them is for a
 * certain controller.
 */
export function httpRoutes(app: App, routes: readonly string[], gateway: GatewayRef): HttpRoute[] {
  const { name, namespace } = app.metadata;
  const byHost = Map.groupBy(routes.map(splitRoute), ({ host }) => host);
  return [...byHost].map(([host, paths]) => ({
    ...HTTP_ROUTE,
    metadata: { name: httpRouteName(name, host), namespace, labels: appLabels(name), ownerReferences: ownedBy(app) },
    spec: {
      parentRefs: [gateway],
      hostnames: [host],
      rules: [{ matches: paths.map(({ path }) => ({ path: { type: "PathPrefix", value: path } })), backendRefs: [{ name, port: SERVICE_PORT }] }],
    },
  }));
}

/** No app has a dot in its name, so no two apps' are the same. */
function httpRouteName(app: string, host: string): string {
  const readable = `${app}.${host}`;
  return readable.length <= MAX_NAME ? readable : `${app}.${sha256(host)}`;
}

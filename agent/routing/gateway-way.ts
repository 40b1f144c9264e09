import { GATEWAY, type Gateway, type GatewayRef, HTTP_ROUTE, type HttpRoute, isAccepted, refusalOf } from "#shared/gateway";
import type { Kube } from "#shared/kube/client";
import { waitFor } from "#shared/kube/watch";
import { httpRoutes } from "../objects/http-route.ts";
import { LABEL } from "../objects/meta.ts";
import type { App } from "../objects/types.ts";
import type { Way } from "./way.ts";

/** By HTTPRoutes through a Gateway. */
export class GatewayWay implements Way {
  readonly #kube: Kube;
  readonly #gateway: GatewayRef;

  constructor(kube: Kube, gateway: GatewayRef) {
    this.#kube = kube;
    this.#gateway = gateway;
  }

  async put(app: App, routes: readonly string[]): Promise<void> {
    const wanted = httpRoutes(app, routes, this.#gateway);
    await Promise.all(wanted.map((route) => this.#kube.apply(route)));
    const names = new Set(wanted.map(({ metadata }) => metadata?.name));
    const needless = (await this.#routesOf(app)).filter(({ metadata }) => !names.has(metadata?.name));
    await Promise.all(needless.map(({ metadata }) => this.#kube.remove({ ...HTTP_ROUTE, namespace: metadata?.namespace, name: metadata?.name })));
  }

  async taken(app: App, routes: readonly string[], signal: AbortSignal): Promise<void> {
    const wanted = httpRoutes(app, routes, this.#gateway);
    const accepted = (route: HttpRoute | undefined) => isAccepted(route, this.#gateway) || undefined;
    await Promise.all(
      wanted.map(({ metadata }) =>
        waitFor<HttpRoute, true>(this.#kube, { ...HTTP_ROUTE, namespace: app.metadata.namespace, name: metadata?.name ?? "" }, accepted, signal),
      ),
    );
  }

  async address(_: App, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#kube.get<Gateway>({ ...GATEWAY, ...this.#gateway }, signal))?.status?.addresses?.[0]?.value;
  }

  async refusals(app: App): Promise<Map<string, string>> {
    const routes = await this.#routesOf(app);
    return new Map(
      routes.flatMap((route) => {
        const refusal = refusalOf(route, this.#gateway);
        return refusal === undefined ? [] : (route.spec?.hostnames ?? []).map((host): [string, string] => [host, refusal]);
      }),
    );
  }

  async #routesOf({ metadata: { name, namespace } }: App): Promise<HttpRoute[]> {
    return await this.#kube.list<HttpRoute>({ ...HTTP_ROUTE, namespace }, { labels: `${LABEL.app}=${name}` });
  }
}

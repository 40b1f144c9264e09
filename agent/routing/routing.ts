import { HTTP_ROUTE } from "#shared/gateway";
import type { KubeObject } from "#shared/kube/objects";
import { pause } from "#shared/within";
import type { Config } from "../config.ts";
import type { Deps } from "../deps.ts";
import { LABEL } from "../objects/meta.ts";
import type { App } from "../objects/types.ts";
import { removeAll } from "../remove-all.ts";
import { Turns } from "../turns.ts";
import { GatewayWay } from "./gateway-way.ts";
import { IngressWay } from "./ingress-way.ts";
import { INGRESS, type Way } from "./way.ts";

/** How long the new way may take to take an app's routes; meanwhile the old one serves. */
const TAKEN_MS = 10_000;
/** So long after one of a controller's Pods has taken a route, the others have too. */
const SETTLE_MS = 1_000;

/**
 * How requests come to apps: by what `davit install` chose, Ingresses or a Gateway. Where an app is still served by the other
 * one, from before, that stays until the new one has taken over.
 */
export class Routing {
  readonly #deps: Pick<Deps, "kube" | "log">;
  readonly #way: Way;
  readonly #kinds: { now: Kind; before: Kind | undefined };
  /** By app: nobody puts routes while somebody else does. */
  readonly #turns = new Turns();
  readonly #takenMs: number;

  constructor(deps: Pick<Deps, "kube" | "config" | "certificates" | "log">, takenMs = TAKEN_MS) {
    const { gateway } = deps.config;
    this.#deps = deps;
    this.#takenMs = takenMs;
    this.#way = gateway ? new GatewayWay(deps.kube, gateway) : new IngressWay(deps);
    this.#kinds = kindsOf(deps.config);
  }

  /** Has requests for these routes, and for no others, come to the app. */
  async lead(app: App, routes: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#turns.take(keyOf(app), async () => {
      await this.#way.put(app, routes);
      if (!(await this.isLeft(app))) return;
      // Whether the new way serves the app, its push will find out; that the old one has gone is nobody's concern there.
      await this.#succeed(app, routes, signal).catch((error) => this.#deps.log("an app is still served as before", { app: keyOf(app), error }));
    });
  }

  /** Brings an app that is still served as before over to the way that was chosen. `read` is asked when it is the app's turn. */
  async move(app: App, read: () => Promise<App | undefined>, signal: AbortSignal): Promise<void> {
    await this.#turns.take(keyOf(app), async () => {
      const present = (await this.isLeft(app)) ? await read() : undefined;
      if (!present) return;
      await this.#way.put(present, present.spec.routes);
      await this.#succeed(present, present.spec.routes, signal);
      this.#deps.log("an app is served another way now", { app: keyOf(app), by: this.#kinds.now.kind });
    });
  }

  /** Whether an app is still served as before. */
  async isLeft(app: App): Promise<boolean> {
    return (await this.left(app)).size > 0;
  }

  /** The apps that are still served as before, each as `namespace/name`; of one, or of all. */
  async left(app?: App): Promise<Set<string>> {
    const { before } = this.#kinds;
    if (!before) return new Set();
    const labels = app ? `${LABEL.app}=${app.metadata.name}` : LABEL.app;
    const found = await this.#deps.kube.list<KubeObject>({ ...before, namespace: app?.metadata.namespace }, { labels });
    return new Set(found.map(({ metadata }) => `${metadata?.namespace}/${metadata?.labels?.[LABEL.app]}`));
  }

  /** Has no request come to the app any more. */
  async end(namespace: string, app: string): Promise<void> {
    const kinds = Object.values(this.#kinds).filter((kind) => kind !== undefined);
    await Promise.all(kinds.map((kind) => removeAll(this.#deps.kube, { ...kind, namespace }, `${LABEL.app}=${app}`)));
  }

  /** Where requests for the app go in; undefined where nobody tells. */
  async address(app: App, signal: AbortSignal): Promise<string | undefined> {
    return await this.#way.address(app, signal);
  }

  /** What keeps hosts of the app from being served, by host. */
  async refusals(app: App): Promise<Map<string, string>> {
    return await this.#way.refusals(app);
  }

  /** What was before goes once the new way serves. */
  async #succeed(app: App, routes: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#way.taken(app, routes, AbortSignal.any([signal, AbortSignal.timeout(this.#takenMs)]));
    await pause(SETTLE_MS, signal);
    const { name, namespace } = app.metadata;
    if (this.#kinds.before) await removeAll(this.#deps.kube, { ...this.#kinds.before, namespace }, `${LABEL.app}=${name}`);
  }
}

type Kind = typeof INGRESS | typeof HTTP_ROUTE;

function kindsOf({ gateway, httpRoutesLeft }: Config): { now: Kind; before: Kind | undefined } {
  if (gateway) return { now: HTTP_ROUTE, before: INGRESS };
  return { now: INGRESS, before: httpRoutesLeft ? HTTP_ROUTE : undefined };
}

function keyOf({ metadata: { namespace, name } }: App): string {
  return `${namespace}/${name}`;
}

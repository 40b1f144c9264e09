import type { V1Ingress } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import type { Deps } from "../deps.ts";
import type { App } from "../objects/types.ts";
import { ingress } from "../objects/workload.ts";
import { INGRESS, type Way } from "./way.ts";

/** How long an ingress controller may take to say where it can be reached; some never say. */
const ADDRESS_MS = 5_000;

/** By an Ingress for each app. */
export class IngressWay implements Way {
  readonly #deps: Pick<Deps, "kube" | "config" | "certificates">;

  constructor(deps: Pick<Deps, "kube" | "config" | "certificates">) {
    this.#deps = deps;
  }

  async put(app: App, routes: readonly string[]): Promise<void> {
    const { kube, config } = this.#deps;
    const { name, namespace } = app.metadata;
    if (routes.length > 0) await kube.apply(ingress(app, routes, config.ingressClass));
    else await kube.remove({ ...INGRESS, namespace, name });
  }

  async taken(app: App, routes: readonly string[], signal: AbortSignal): Promise<void> {
    const { name, namespace } = app.metadata;
    // A controller that took it before would show a certificate of its own.
    await this.#deps.certificates.await(namespace, name, routes, signal);
    await this.address(app, signal);
    signal.throwIfAborted();
  }

  async address({ metadata: { name, namespace } }: App, signal: AbortSignal): Promise<string | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ADDRESS_MS)]);
    try {
      return await waitFor<V1Ingress, string>(this.#deps.kube, { ...INGRESS, namespace, name }, addressOf, limit);
    } catch (error) {
      signal.throwIfAborted();
      if (!limit.aborted) throw error;
      return undefined;
    }
  }

  /** An Ingress does not tell. */
  async refusals(): Promise<Map<string, string>> {
    return new Map();
  }
}

function addressOf(object: V1Ingress | undefined): string | undefined {
  const first = object?.status?.loadBalancer?.ingress?.[0];
  return first?.ip ?? first?.hostname ?? undefined;
}

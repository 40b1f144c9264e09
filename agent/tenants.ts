import { Fault } from "#shared/fault";
import type { V1Namespace } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";
import type { Deps } from "./deps.ts";
import { MANAGED, OWN_LABELS } from "./objects/meta.ts";
import { isTenant } from "./objects/tenant.ts";
import type { Sync } from "./sync/sync.ts";

export interface Tenant {
  name: string;
  uid: string;
  createdAt: string;
}

/**
 * The namespaces that davit may use, kept current by a watch. A namespace becomes a tenant by its label, whoever sets
 * it, and gets what tenants need of davit (sync/sync.ts).
 */
export class Tenants {
  readonly #deps: Deps;
  readonly #sync: Sync;
  readonly #known = new Map<string, Tenant>();
  readonly #ready = new Map<string, Promise<void>>();

  constructor(deps: Deps, sync: Sync) {
    this.#deps = deps;
    this.#sync = sync;
  }

  /** Follows the namespaces until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const ref = { apiVersion: "v1", kind: "Namespace" };
    for await (const event of watch<V1Namespace>(this.#deps.kube, ref, { labels: `${MANAGED}=true`, signal })) {
      if (event.type === "synced") continue;
      const name = event.object.metadata?.name ?? "";
      if (event.type === "gone" || event.object.metadata?.deletionTimestamp) this.#forget(name);
      else void this.#learn(event.object).catch((error) => this.#deps.log("a namespace could not be set up", { namespace: name, error }));
    }
  }

  list(): Tenant[] {
    return [...this.#known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The tenant, set up. @throws Fault namespace_not_found, namespace_unmanaged */
  async need(name: string): Promise<Tenant> {
    const known = this.#known.get(name);
    if (known) {
      await (this.#ready.get(name) ?? this.#setUp(name));
      return known;
    }
    const namespace = await this.#deps.kube.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name });
    if (!namespace) throw new Fault("namespace_not_found", `there is no namespace '${name}'`, { details: { namespace: name } });
    if (!isTenant(namespace)) {
      throw new Fault("namespace_unmanaged", `the namespace '${name}' is not one that davit manages`, { details: { namespace: name } });
    }
    await this.#learn(namespace);
    return this.need(name);
  }

  /** Makes the namespace, or finds it there. @throws Fault namespace_unmanaged when somebody else's has that name */
  async create(name: string): Promise<{ created: boolean }> {
    const object = {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { [MANAGED]: "true", ...OWN_LABELS } },
    };
    const created = await this.#deps.kube.create(object);
    await this.need(name);
    return { created: created !== undefined };
  }

  async #learn(namespace: V1Namespace): Promise<void> {
    const { name = "", uid = "", creationTimestamp } = namespace.metadata ?? {};
    if (this.#known.get(name)?.uid !== uid) {
      this.#known.set(name, { name, uid, createdAt: String(creationTimestamp ?? "") });
      this.#ready.set(name, this.#setUp(name));
    }
    await this.#ready.get(name);
  }

  /** What failed is tried again by who needs the tenant next, as by the sync itself. */
  async #setUp(name: string): Promise<void> {
    try {
      await this.#sync.add(name);
    } catch (error) {
      this.#ready.delete(name);
      throw error;
    }
  }

  #forget(name: string): void {
    this.#known.delete(name);
    this.#ready.delete(name);
    this.#sync.drop(name);
  }
}

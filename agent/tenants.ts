import { Fault } from "#shared/fault";
import type { V1Namespace } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";
import type { Deps } from "./deps.ts";
import { MANAGED, PULL_LOGIN, PULL_SECRET } from "./objects/meta.ts";
import { pullSecret, tenantBinding } from "./objects/tenant.ts";

const BINDING_RETRY_MS = 50;
const BINDING_TRIES = 100;

export interface Tenant {
  name: string;
  uid: string;
  createdAt: string;
}

/**
 * The namespaces that davit may use, kept current by a watch. A namespace becomes a tenant by its label, whoever sets
 * it; the agent then gives itself its role there and writes the pull secret.
 */
export class Tenants {
  readonly #deps: Deps;
  readonly #known = new Map<string, Tenant>();
  readonly #ready = new Map<string, Promise<void>>();

  constructor(deps: Deps) {
    this.#deps = deps;
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
      await this.#ready.get(name);
      return known;
    }
    const namespace = await this.#deps.kube.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name });
    if (!namespace) throw new Fault("namespace_not_found", `there is no namespace '${name}'`, { details: { namespace: name } });
    if (namespace.metadata?.labels?.[MANAGED] !== "true" || namespace.metadata.deletionTimestamp) {
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
      metadata: { name, labels: { [MANAGED]: "true", "app.kubernetes.io/managed-by": "davit" } },
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
    try {
      await this.#ready.get(name);
    } catch (error) {
      this.#forget(name);
      throw error;
    }
  }

  async #setUp(name: string): Promise<void> {
    const { kube, registry } = this.#deps;
    await kube.apply(tenantBinding(name));
    const present = await onceAllowed(() => kube.get({ apiVersion: "v1", kind: "Secret", namespace: name, name: PULL_SECRET }));
    const login = await registry.pullLogin(name);
    if (present?.metadata?.annotations?.[PULL_LOGIN] !== login.id) await kube.apply(await pullSecret(name, login));
  }

  #forget(name: string): void {
    this.#known.delete(name);
    this.#ready.delete(name);
  }
}

/** The API server acts on a new role binding only a moment after it was made. */
async function onceAllowed<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries >= BINDING_TRIES || !(error instanceof Fault) || error.code !== "forbidden") throw error;
      await Bun.sleep(BINDING_RETRY_MS);
    }
  }
}

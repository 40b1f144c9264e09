import type { GarbageItem } from "#shared/garbage";
import type { Deps } from "../deps.ts";
import { Joined } from "../joined.ts";
import type { ImageName } from "../registry/storage-api.ts";
import type { Tenant, Tenants } from "../tenants.ts";
import type { AppKey } from "../warm-pods.ts";
import { collectOrphans, forgetTenant } from "./orphans.ts";
import { collectTenant } from "./tenant.ts";

/** Collects garbage by one policy: of all, of a tenant, and of what an app leaves that is deleted. */
export class Collector {
  readonly #deps: Deps;
  readonly #tenants: Tenants;
  readonly #busy: () => AppKey[];
  readonly #joined = new Joined();

  /** `busy` tells the apps of which a push is under way. */
  constructor(deps: Deps, tenants: Tenants, busy: () => AppKey[]) {
    this.#deps = deps;
    this.#tenants = tenants;
    this.#busy = busy;
  }

  /** Everything that was looked at, as it comes; of one namespace, or of all and what nobody's namespace has. */
  async *run({ dryRun, namespace }: { dryRun: boolean; namespace?: string | undefined }): AsyncGenerator<GarbageItem> {
    const { keepRevisions } = this.#deps.config;
    const tenants = namespace === undefined ? this.#tenants.list() : [await this.#tenants.need(namespace)];
    const gone: ImageName[] = [];
    for (const { name, uid } of tenants) {
      const items = await collectTenant(this.#deps, { name, uid, keepRevisions }, dryRun);
      gone.push(...items.flatMap(goneImage));
      yield* items;
    }
    if (namespace === undefined) {
      const items = await collectOrphans(this.#deps, dryRun);
      gone.push(...items.flatMap(goneImage));
      yield* items;
    }
    yield* await this.#sweep(dryRun ? gone : [], dryRun);
  }

  /** Leaves nothing, outside the cluster's objects, of an app that was deleted. */
  async afterDeletion({ name, uid }: Pick<Tenant, "name" | "uid">): Promise<void> {
    await this.#joined.run(uid, () => collectTenant(this.#deps, { name, uid, keepRevisions: Number.POSITIVE_INFINITY }, false));
    await this.#joined.run("registry", () => this.#sweep([], false));
  }

  /** Leaves nothing in the store of a namespace that was deleted. */
  async forget({ uid }: Pick<Tenant, "uid">): Promise<void> {
    await forgetTenant(this.#deps, uid);
  }

  async #sweep(without: ImageName[], dryRun: boolean): Promise<GarbageItem[]> {
    const { blobs, bytes } = await this.#deps.registry.sweep({ without, dryRun }, this.#busy);
    const ref = `${blobs} of ${this.#deps.registry.name}`;
    return blobs === 0 ? [] : [{ what: "layers", ref, action: "collect", why: "no image is made of them", bytes }];
  }
}

function goneImage({ what, action, ref }: GarbageItem): ImageName[] {
  const [repository = "", digest = ""] = ref.split("@");
  return action === "collect" && (what === "image" || what === "cached layer") ? [{ repository, digest }] : [];
}

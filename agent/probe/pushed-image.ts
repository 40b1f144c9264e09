import { RegistryApi } from "#shared/oci/registry-api";
import type { PlaceReason } from "#shared/places";
import type { ProbeOrder } from "#shared/probe";
import { pushTiny, registryReason, removeImage } from "../places/check-registry.ts";

type Order = Extract<ProbeOrder, { hop: "build-registry" }>;

/** The image of one probe: nodes pull it, and it goes afterwards. */
export class PushedImage {
  readonly #order: Order;
  readonly pushed: { digest?: string };
  readonly problem: { reason: PlaceReason; detail: string } | undefined;

  private constructor(order: Order, pushed: { digest?: string }, problem?: { reason: PlaceReason; detail: string }) {
    this.#order = order;
    this.pushed = pushed;
    this.problem = problem;
  }

  /** Does not throw: what goes wrong is in `problem`. */
  static async push(order: Order): Promise<PushedImage> {
    try {
      return new PushedImage(order, { digest: await pushTiny(new RegistryApi(order.place), order.repository, order.run) });
    } catch (error) {
      return new PushedImage(order, {}, { reason: registryReason(error), detail: error instanceof Error ? error.message : String(error) });
    }
  }

  async remove(): Promise<void> {
    const { place, remover, repository } = this.#order;
    if (this.pushed.digest) await removeImage(new RegistryApi({ ...place, login: remover ?? place.login }), repository, this.pushed.digest);
  }
}

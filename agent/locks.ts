import { Fault } from "#shared/fault";
import { within } from "#shared/within";

/**
 * Lets work of one name run side by side, and now and then some of it alone. Who wants to be alone goes first: what comes
 * later waits for it. Work must not take its own name a second time.
 */
export class Locks {
  readonly #shared = new Map<string, Set<Promise<unknown>>>();
  readonly #alone = new Map<string, Promise<void>>();

  async share<T>(name: string, work: () => Promise<T>): Promise<T> {
    for (let alone = this.#alone.get(name); alone; alone = this.#alone.get(name)) await alone;
    const sharing = this.#shared.get(name) ?? new Set();
    this.#shared.set(name, sharing);
    const mine = work();
    sharing.add(mine);
    try {
      return await mine;
    } finally {
      sharing.delete(mine);
      if (sharing.size === 0 && this.#shared.get(name) === sharing) this.#shared.delete(name);
    }
  }

  /** @throws Fault deadline when what runs now has not ended within `patienceMs`; then nothing waits any longer */
  async alone<T>(name: string, patienceMs: number, work: () => Promise<T>): Promise<T> {
    const before = this.#alone.get(name);
    const over = Promise.withResolvers<void>();
    this.#alone.set(name, over.promise);
    try {
      await before;
      const rest = Promise.allSettled(this.#shared.get(name) ?? []);
      if (!(await within(patienceMs, rest))) throw new Fault("deadline", `what is under way did not come to a rest within ${patienceMs / 1000} s`);
      return await work();
    } finally {
      if (this.#alone.get(name) === over.promise) this.#alone.delete(name);
      over.resolve();
    }
  }
}

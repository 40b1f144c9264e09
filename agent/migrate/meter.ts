import type { Amount } from "#shared/migration";

const TELL_MS = 500;

/** Counts what is done of a total, and tells it now and then. */
export class Meter {
  readonly #tell: (done: Amount, total: Amount) => void;
  readonly total: Amount;
  #done: Amount = { items: 0, bytes: 0 };
  #told = 0;

  constructor(sizes: readonly number[], tell: (done: Amount, total: Amount) => void) {
    this.total = { items: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    this.#tell = tell;
  }

  add(bytes: number): void {
    this.#done = { items: this.#done.items + 1, bytes: this.#done.bytes + bytes };
    if (Date.now() - this.#told < TELL_MS && this.#done.items < this.total.items) return;
    this.#told = Date.now();
    this.#tell(this.#done, this.total);
  }
}

/** Does the work for all, so many at a time; the first failure ends it. */
export async function forEach<T>(all: Iterable<T>, atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  const rest = Iterator.from(all);
  const take = async () => {
    for (const one of rest) await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, take));
}

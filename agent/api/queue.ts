/** How many items wait before a writer does. */
const ROOM = 1000;

/** Items from several writers to one reader; a writer waits while the reader is behind. */
export class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #ended: { error?: unknown } | undefined;
  #wake = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();

  async put(item: T): Promise<void> {
    this.#items.push(item);
    this.#wake.resolve();
    while (this.#items.length > ROOM && !this.#ended) await this.#room.promise;
  }

  end(error?: unknown): void {
    this.#ended ??= error === undefined ? {} : { error };
    this.#wake.resolve();
    this.#room.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      yield* this.#items.splice(0);
      this.#room.resolve();
      this.#room = Promise.withResolvers();
      if (this.#items.length > 0) continue;
      if (this.#ended) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      }
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }
}

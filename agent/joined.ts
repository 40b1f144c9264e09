/** Runs work of one name once at a time; who asks while another waits for its turn has that one's result. */
export class Joined {
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #waiting = new Map<string, Promise<unknown>>();

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(name);
    if (waiting) return (await waiting) as T;
    const begin = async () => {
      this.#waiting.delete(name);
      return await work();
    };
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(begin, begin);
    this.#waiting.set(name, mine);
    this.#last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    }
  }
}

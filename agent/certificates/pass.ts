import type { Log } from "../log.ts";

/** One pass over everything: what fails is noted by its name, and keeps nothing else from being done. */
export class Pass {
  readonly problems = new Map<string, string>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  async each<T, R>(items: Iterable<T>, nameOf: (item: T) => string, work: (item: T) => Promise<R>): Promise<(R | undefined)[]> {
    return await Promise.all([...items].map((item) => work(item).catch((error) => this.#note(nameOf(item), error))));
  }

  #note(name: string, error: unknown): undefined {
    this.problems.set(name, error instanceof Error ? error.message : String(error));
    this.#log("a certificate could not be kept", { of: name, error });
  }
}

import { randomUUID } from "node:crypto";
import { Fault } from "#shared/fault";
import { Locks } from "../locks.ts";

/** A change of the registry that has not ended by then hangs; a sweep does not make the others wait for it. */
const PATIENCE_MS = 30_000;
const LOCK = "registry";

/**
 * What the gate knows of pushes: which apps' builds were given a token, and since when. A build asks for one before it
 * asks anything of the registry, so a blob that was promised to it (a HEAD that said yes) was promised after its token.
 */
export class Pushes {
  readonly #locks = new Locks();
  readonly #granted = new Map<string, number>();
  readonly #birth = randomUUID();
  #count = 0;

  /** Gives a build of `app` its token; waits while a sweep is at work. */
  async grant<T>(app: string, work: () => Promise<T>): Promise<T> {
    return await this.#locks.share(LOCK, async () => {
      this.#granted.set(app, ++this.#count);
      return await work();
    });
  }

  /** A request that changes what repositories refer to; waits while a sweep is at work. */
  async change<T>(work: () => Promise<T>): Promise<T> {
    return await this.#locks.share(LOCK, work);
  }

  /** Now, to be asked about later. */
  moment(): string {
    return `${this.#birth} ${this.#count}`;
  }

  /**
   * Works while no token is given to a build and nothing is changed; `isNew` tells the apps whose builds were given one
   * since `moment`.
   * @throws Fault registry_unavailable when the gate was restarted since, or what is under way does not end
   */
  async rest<T>(moment: string, work: (isNew: (app: string) => boolean) => Promise<T>): Promise<T> {
    const [birth, count] = moment.split(" ");
    if (birth !== this.#birth) throw new Fault("registry_unavailable", "the registry was restarted meanwhile");
    return await this.#locks.alone(LOCK, PATIENCE_MS, () => work((app) => (this.#granted.get(app) ?? 0) > Number(count)));
  }
}

/** The app, as `namespace/app`, that a repository belongs to: its images' own, or its cache. */
export function appOf(repository: string): string {
  return repository.split("/").slice(0, 2).join("/");
}

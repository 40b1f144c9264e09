import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { davit, type TestTenant, tenant } from "#test/lab";
import type { Figure } from "./figures.ts";

/** How often a namespace's removal is tried: the agent may just be away. */
const REMOVALS = 5;

/** What a section of the bench works with; all that it makes goes when the bench ends, however it ends. */
export class Bench {
  readonly runs: number;
  /** Where whoever runs the bench has the servers of clusters: it uses caches of its own otherwise. */
  readonly cacheHome = process.env.XDG_CACHE_HOME;
  /** A folder for sources and caches. */
  readonly scratch = mkdtempSync(join(tmpdir(), "davit-bench-"));
  readonly #made = new AsyncDisposableStack();
  readonly #say: (line: string) => void;
  #ending: Promise<void> | undefined;

  constructor(runs: number, say: (line: string) => void) {
    this.runs = runs;
    this.#say = say;
    this.#made.defer(() => rmSync(this.scratch, { recursive: true, force: true }));
  }

  /** Tells a person that something goes on. */
  say(line: string): void {
    this.#say(line);
  }

  /** A tenant of the bench's own. */
  async tenant(prefix: string): Promise<TestTenant> {
    const made = await tenant(`bench-${prefix}`);
    this.#made.defer(() => this.#remove(made.name));
    return made;
  }

  /** Does `work` once a repetition, one after the other, telling what each gave. */
  async repeat<T>(what: string, work: (run: number) => Promise<T>, tell: (result: T) => string): Promise<T[]> {
    const results: T[] = [];
    for (let run = 1; run <= this.runs; run++) {
      const result = await this.attempt(what, () => work(run));
      this.say(`${what} ${run}/${this.runs}: ${tell(result)}`);
      results.push(result);
    }
    return results;
  }

  /** A try that fails for a reason outside of what is measured (the agent was just replaced) does not end the bench, three do. */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let left = 2; ; left--) {
      try {
        return await work();
      } catch (error) {
        if (left === 0 || this.#ending) throw error;
        this.say(`${what} failed and is done again: ${error instanceof Error ? error.message : error}`);
        await Bun.sleep(3000);
      }
    }
  }

  async #remove(namespace: string): Promise<void> {
    for (let tries = 0; tries < REMOVALS; tries++) {
      if ((await davit(["namespace", "delete", namespace, "--yes"])).code === 0) return;
      await Bun.sleep(5000);
    }
    this.say(`the namespace ${namespace} could not be removed: davit namespace delete ${namespace} --yes`);
  }

  end(): Promise<void> {
    this.#ending ??= this.#made.disposeAsync();
    return this.#ending;
  }
}

/** A part of the bench that can be run by its name. */
export type Section = (bench: Bench) => Promise<Figure[]>;

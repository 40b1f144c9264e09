import { Fault } from "#shared/fault";
import { MAX_ENTRIES } from "#shared/tree";

/** What one fetch may cost, its submodules included. */
export interface FetchLimits {
  /** Bytes that git servers may send. */
  received: number;
  /** Bytes of the files in the checked-out folder. */
  checkedOut: number;
  /** Files, links and folders in it. */
  entries: number;
  /** Bytes of one file, and of whatever else git keeps as one object; a few are in memory at the same time. */
  object: number;
  repositories: number;
  /** How long a git server may say nothing. */
  silenceMs: number;
}

const MIB = 1024 * 1024;

export const LIMITS: FetchLimits = {
  received: 1024 * MIB,
  checkedOut: 2048 * MIB,
  entries: MAX_ENTRIES,
  object: 100 * MIB,
  repositories: 50,
  silenceMs: 60_000,
};

/** The emptyDir that holds packs and files has to hold them all. */
export const SCRATCH_MIB = 4096;

type Counted = "received" | "checkedOut" | "entries" | "repositories";

const WHAT: Record<Counted, (limit: number) => string> = {
  received: (limit) => `the git server sends more than ${limit / MIB} MiB`,
  checkedOut: (limit) => `its files have more than ${limit / MIB} MiB`,
  entries: (limit) => `it has more than ${limit} files`,
  repositories: (limit) => `it has more than ${limit} submodules`,
};

/** Counts what a fetch has cost so far. */
export class Budget {
  readonly limits: FetchLimits;
  readonly #spent: Record<Counted, number> = { received: 0, checkedOut: 0, entries: 0, repositories: 0 };

  constructor(limits: FetchLimits) {
    this.limits = limits;
  }

  /** @throws Fault git_too_large */
  spend(what: Counted, amount: number): void {
    this.#spent[what] += amount;
    if (this.#spent[what] > this.limits[what]) throw new Fault("git_too_large", WHAT[what](this.limits[what]));
  }

  spent(what: Counted): number {
    return this.#spent[what];
  }
}

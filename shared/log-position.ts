import { z } from "zod";

/**
 * How far an instance's log was read: the second in which its newest line was written, and how many lines of that second
 * came. Kubernetes gives a log again from a whole second on, so these are left out, and nothing is lost or told twice.
 */
export interface Position {
  second: number;
  lines: number;
}

/** Instances that are remembered: enough for all that run, and those that ran long ago do not write any more. */
const MOST = 500;
const PART = /^([a-z0-9-]+)@(\d+)\+(\d+)$/;

/** Positions as they travel: `abc12@1764000000+3,def34@1764000007+1`. */
export const SeenLines = z
  .string()
  .max(100_000)
  .transform((text, check) => {
    const parts = text.split(",").map((part) => PART.exec(part));
    if (parts.every((part) => part !== null))
      return new Map(parts.map(([, instance = "", second, lines]) => [instance, { second: Number(second), lines: Number(lines) }]));
    check.addIssue({ code: "custom", message: "is not a list of instance@second+lines" });
    return z.NEVER;
  });
export type SeenLines = ReadonlyMap<string, Position>;

/** Notes what has been read of each instance's log. */
export class LogPositions {
  readonly #positions = new Map<string, Position>();

  constructor(positions: SeenLines = new Map()) {
    for (const [instance, position] of positions) this.#positions.set(instance, position);
  }

  note({ instance, at }: { instance: string; at: string }): void {
    const second = Math.floor(Date.parse(at) / 1000);
    const known = this.#positions.get(instance);
    if (!known && this.#positions.size >= MOST) this.#forgetOldest();
    if (!known || second > known.second) this.#positions.set(instance, { second, lines: 1 });
    // The two outputs of a process may swap places within a moment: a line from before that second is not given again.
    else if (second === known.second) this.#positions.set(instance, { second, lines: known.lines + 1 });
  }

  #forgetOldest(): void {
    const [first] = [...this.#positions].sort(([, a], [, b]) => a.second - b.second);
    if (first) this.#positions.delete(first[0]);
  }

  of(instance: string): Position | undefined {
    return this.#positions.get(instance);
  }

  /** For the query of the next request; undefined before the first line. */
  encode(): string | undefined {
    if (this.#positions.size === 0) return undefined;
    return [...this.#positions].map(([instance, { second, lines }]) => `${instance}@${second}+${lines}`).join(",");
  }
}

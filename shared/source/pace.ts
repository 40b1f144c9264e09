import { Fault } from "../fault.ts";

/** Milliseconds of work without a pause, after which timers and signals get their turn. */
const SLICE_MS = 25;

/** Called between two pieces of work: a promise to await when it is time to rest, else undefined. */
export type Pace = () => Promise<void> | undefined;

/**
 * Lets a long run of synchronous work stay interruptible. Synchronous file calls are several times faster in Bun than
 * promises (10,000 small files: 120 ms against 470 ms), but while they run nobody hears ^C.
 * The pace throws what {@link throwIfAborted} throws.
 */
export function createPace(signal: AbortSignal | undefined): Pace {
  let rested = performance.now();
  return () => {
    throwIfAborted(signal);
    if (performance.now() - rested < SLICE_MS) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      rested = performance.now();
      throwIfAborted(signal);
    });
  };
}

/** Throws the signal's reason when that is a Fault (a deadline, say), else Fault interrupted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortFault(signal);
}

/** Why the signal was aborted, as a Fault. */
export function abortFault(signal: AbortSignal): Fault {
  if (signal.reason instanceof Fault) return signal.reason;
  return new Fault("interrupted", "the push was interrupted", { cause: signal.reason });
}

import { setTimeout } from "node:timers/promises";
import { Fault, type FaultCode } from "../fault.ts";
import { abortFault, throwIfAborted } from "./pace.ts";

/** Faults that may be gone at the next try; all others end the upload at once. */
const PASSING: ReadonlySet<FaultCode> = new Set<FaultCode>(["agent_unreachable", "agent_lost", "store_unavailable", "upload_failed"]);
const RETRIES = 5;
const FIRST_MS = 250;
const LONGEST_MS = 8000;

/** Waits so many milliseconds; rejects when the signal is aborted. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** The clock's pause. */
export const sleep: Pause = async (ms, signal) => {
  await setTimeout(ms, undefined, { signal });
};

/**
 * Does `work`, and again up to 5 times after a fault that may pass: after 0.25 s, then twice as long each time, each
 * shortened at random by up to a half, so that clients that failed together do not come back together.
 * @throws what `work` last threw; Fault interrupted (or the signal's own Fault) when `signal` is aborted
 */
export async function withRetries<T>(work: () => Promise<T>, signal: AbortSignal, pause: Pause = sleep): Promise<T> {
  for (let retry = 0; ; retry++) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw abortFault(signal);
      if (retry === RETRIES || !(error instanceof Fault && PASSING.has(error.code))) throw error;
    }
    const longest = Math.min(FIRST_MS * 2 ** retry, LONGEST_MS);
    await pause(longest * (1 - Math.random() / 2), signal).catch((error) => {
      throw signal.aborted ? abortFault(signal) : error;
    });
  }
}

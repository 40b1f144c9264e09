import { Fault } from "#shared/fault";
import type { Context } from "../context.ts";

/** A signal that ^C aborts, and the push's deadline once that is started. */
export interface Clock {
  signal: AbortSignal;
  /** Aborts the signal with Fault deadline after `ms`; without a number there is no deadline. */
  start(ms: number | undefined): void;
  /** Lets go of everything that still listens to the signal. */
  stop(): void;
}

export function watchClock(context: Pick<Context, "signal" | "pause">): Clock {
  const end = new AbortController();
  return {
    signal: AbortSignal.any([context.signal, end.signal]),
    start: (ms) => {
      if (ms === undefined) return;
      const ring = () => end.abort(new Fault("deadline", `the push did not end within ${ms / 1000} s`));
      context.pause(ms, end.signal).then(ring, () => {});
    },
    stop: () => end.abort(),
  };
}

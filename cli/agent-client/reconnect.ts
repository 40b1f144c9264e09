import { Fault, type FaultCode } from "#shared/fault";
import type { Pause } from "../context.ts";

export interface ReconnectOptions {
  signal: AbortSignal;
  pause: Pause;
  /** Nothing was opened yet: an agent that is away from the first is not waited for. */
  fresh?: boolean;
  /** Told once per outage. */
  onLost?: ((fault: Fault) => void) | undefined;
}

/** What a restart of the agent, its node or the API server looks like from here. */
const PASSING: ReadonlySet<FaultCode> = new Set<FaultCode>(["agent_lost", "agent_unreachable", "cluster_unreachable", "store_unavailable"]);
/** With the waits below: an agent may be away for about five minutes. */
const TRIES = 65;
const FIRST_MS = 100;
const LONGEST_MS = 5000;
/** What breaks after so long is a new outage, however quiet it was. */
const LASTING_MS = 20_000;

/**
 * The items of a stream that is opened again as often as it breaks, until one of them comes to its end; `open` goes on
 * from where the last one was.
 * @throws Fault agent_lost, agent_unreachable when the agent stays away
 */
export async function* reconnect<T>(open: () => AsyncIterable<T>, options: ReconnectOptions): AsyncGenerator<T> {
  const { signal, pause, onLost } = options;
  let opened = !options.fresh;
  for (let failures = 0; ; ) {
    const began = performance.now();
    try {
      for await (const item of open()) {
        failures = 0;
        yield item;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (performance.now() - began > LASTING_MS) failures = 0;
      if (!(error instanceof Fault) || !PASSING.has(error.code) || failures === TRIES) throw error;
      opened ||= error.code === "agent_lost";
      if (!opened) throw error;
      if (failures === 0) onLost?.(error);
    }
    await pause(Math.min(FIRST_MS * 2 ** Math.min(failures, 10), LONGEST_MS), signal);
    failures += 1;
  }
}

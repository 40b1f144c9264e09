import type { DavitClient } from "#shared/api";
import { Fault, type FaultCode } from "#shared/fault";
import type { PushEvent } from "#shared/push-event";
import type { Pause } from "../context.ts";

export interface FollowOptions {
  namespace: string;
  app: string;
  revision: number;
  signal: AbortSignal;
  pause: Pause;
  /** Told once per outage. */
  onLost?: (fault: Fault) => void;
}

/** What a restart of the agent, its node or the API server looks like from here. */
const PASSING: ReadonlySet<FaultCode> = new Set<FaultCode>(["agent_lost", "agent_unreachable", "cluster_unreachable", "store_unavailable"]);
/** With the waits below: an agent may be away for about five minutes. */
const TRIES = 65;
const FIRST_MS = 100;
const LONGEST_MS = 5000;

/**
 * The events of a push from its first to its `done`, each once and in order, however often the connection breaks.
 * @throws Fault agent_lost, agent_unreachable when the agent stays away; bug when the agent leaves an event out
 */
export async function* followPush(client: Pick<DavitClient, "pushEvents">, options: FollowOptions): AsyncGenerator<PushEvent> {
  const { namespace, app, revision, signal, pause } = options;
  let last = 0;
  for (let failures = 0; ; ) {
    try {
      for await (const event of client.pushEvents({ namespace, app, revision, query: { after: last } }, { signal })) {
        if (event.seq <= last) continue;
        if (event.seq > last + 1) throw gap(last, event.seq);
        last = event.seq;
        failures = 0;
        yield event;
        if (event.type === "done") return;
      }
      // An agent that is asked to stop ends its streams in good order: that is not the end of the push.
      throw new Fault("agent_lost", "the agent ended the stream before the end of the push");
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault) || !PASSING.has(error.code) || failures === TRIES) throw error;
      if (failures === 0) options.onLost?.(error);
    }
    await pause(Math.min(FIRST_MS * 2 ** Math.min(failures, 10), LONGEST_MS), signal);
    failures += 1;
  }
}

function gap(last: number, next: number): Fault {
  return new Fault("bug", `the agent's events go from ${last} to ${next}`);
}

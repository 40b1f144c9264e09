import type { DavitClient } from "#shared/api";
import { Fault } from "#shared/fault";
import type { PushEvent } from "#shared/push-event";
import { type ReconnectOptions, reconnect } from "./reconnect.ts";

export interface FollowOptions extends ReconnectOptions {
  namespace: string;
  app: string;
  revision: number;
}

/**
 * The events of a push from its first to its `done`, each once and in order, however often the connection breaks.
 * @throws Fault agent_lost, agent_unreachable when the agent stays away; bug when the agent leaves an event out
 */
export async function* followPush(client: Pick<DavitClient, "pushEvents">, options: FollowOptions): AsyncGenerator<PushEvent> {
  const { namespace, app, revision, signal } = options;
  let last = 0;
  const open = async function* () {
    for await (const event of client.pushEvents({ namespace, app, revision, query: { after: last } }, { signal })) {
      if (event.seq <= last) continue;
      if (event.seq > last + 1) throw gap(last, event.seq);
      last = event.seq;
      yield event;
      if (event.type === "done") return;
    }
    // An agent that is asked to stop ends its streams in good order: that is not the end of the push.
    throw new Fault("agent_lost", "the agent ended the stream before the end of the push");
  };
  yield* reconnect(open, options);
}

function gap(last: number, next: number): Fault {
  return new Fault("bug", `the agent's events go from ${last} to ${next}`);
}

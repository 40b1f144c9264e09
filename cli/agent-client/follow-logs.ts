import type { DavitClient, LogLine } from "#shared/api";
import { Fault } from "#shared/fault";
import { LogPositions } from "#shared/log-position";
import { type ReconnectOptions, reconnect } from "./reconnect.ts";

export interface LogOptions {
  follow: boolean;
  previous: boolean;
  tail: number | undefined;
  /** ISO 8601. */
  since: string | undefined;
}

/** An app's log lines, each once and every instance's in order, however often the connection breaks. @throws Fault */
export async function* followLogs(
  client: Pick<DavitClient, "appLogs">,
  at: { namespace: string; app: string },
  options: LogOptions & ReconnectOptions,
): AsyncGenerator<LogLine> {
  const { follow, previous, tail, since, signal } = options;
  const positions = new LogPositions();
  const began = new Date().toISOString();
  let first = true;
  const open = async function* () {
    // What `tail` left out the first time stays left out.
    const range = first ? { tail, since } : { since: tail === undefined ? since : began, seen: positions.encode() };
    first = false;
    const query = { follow: follow ? ("true" as const) : ("false" as const), ...(previous ? { previous: "true" as const } : {}), ...range };
    for await (const line of client.appLogs({ ...at, query }, { signal })) {
      positions.note(line);
      yield line;
    }
    if (follow) throw new Fault("agent_lost", "the agent ended the log");
  };
  // The lines of a container that has ended do not change: read again, they would only be told twice.
  if (previous) yield* open();
  else yield* reconnect(open, { ...options, fresh: true });
}

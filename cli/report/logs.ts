import type { DavitClient, LogLine } from "#shared/api";
import { Fault } from "#shared/fault";
import { followPush } from "../agent-client/follow.ts";
import { followLogs, type LogOptions } from "../agent-client/follow-logs.ts";
import type { Context } from "../context.ts";

/** A line of a log, for programs and for people. */
export interface ShownLine {
  value: LogLine | { phase: string; line: string };
  text: string;
}

interface At {
  client: DavitClient;
  namespace: string;
  app: string;
}

/** What the app's instances write. @throws Fault */
export async function* appLogs(
  { signal, pause, err }: Pick<Context, "signal" | "pause" | "err">,
  { client, namespace, app }: At,
  options: LogOptions,
): AsyncGenerator<ShownLine> {
  const onLost = (fault: Fault) => err(`${fault.message}; connecting again`);
  for await (const value of followLogs(client, { namespace, app }, { ...options, signal, pause, onLost }))
    yield { value, text: `${value.instance} | ${value.line}` };
}

/** What the newest push's staging wrote, and writes until the push ends. @throws Fault */
export async function* stagingLogs(
  context: Pick<Context, "signal" | "pause">,
  { client, namespace, app }: At,
  tail: number | undefined,
): AsyncGenerator<ShownLine> {
  const { revisions } = await client.showApp({ namespace, app });
  if (revisions.length === 0) throw new Fault("revision_not_found", `the app '${app}' was never pushed`, { details: { app, namespace } });
  const revision = Math.max(...revisions.map(({ number }) => number));
  const kept: ShownLine[] = [];
  for await (const event of followPush(client, { namespace, app, revision, signal: context.signal, pause: context.pause })) {
    if (event.type !== "log") continue;
    const shown = { value: { phase: event.phase, line: event.line }, text: event.line };
    if (tail === undefined) yield shown;
    else kept.push(shown);
    if (kept.length > (tail ?? 0)) kept.shift();
  }
  yield* kept;
}

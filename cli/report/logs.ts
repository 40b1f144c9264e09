import type { DavitClient, LogLine } from "#shared/api";
import { Fault } from "#shared/fault";
import { followPush } from "../agent-client/follow.ts";
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
export async function* appLogs({ client, namespace, app }: At, options: { follow: boolean; tail: number | undefined }): AsyncGenerator<ShownLine> {
  const query = { follow: options.follow ? ("true" as const) : ("false" as const), ...(options.tail === undefined ? {} : { tail: options.tail }) };
  for await (const value of client.appLogs({ namespace, app, query })) yield { value, text: `${value.instance} | ${value.line}` };
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

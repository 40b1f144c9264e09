import { Fault } from "#shared/fault";
import type { PushResult } from "#shared/push-event";
import type { Connection } from "../agent-client/connect.ts";
import { followPush } from "../agent-client/follow.ts";
import type { Context } from "../context.ts";
import { asFault } from "../report/fault.ts";
import { attachCommand } from "../report/push-report.ts";
import { type Clock, watchClock } from "./clock.ts";
import type { Accepted } from "./send.ts";
import type { PushStream } from "./stream.ts";

/* How a push ends, and every other change of an app: the agent works on a revision, and this side follows it or leaves. */

/** How it ended; `fault` is the result's, with its cause and stack. */
export interface Ended {
  result: PushResult;
  fault?: Fault;
}

/** A push of which nothing is known yet. */
export function blankResult(): PushResult {
  return {
    outcome: "failed",
    app: "",
    namespace: "",
    revision: null,
    url: null,
    image: null,
    source: "",
    reused: { chunks: 0, bytes: 0, build: false },
    sent: { chunks: 0, bytes: 0 },
    phases: {},
  };
}

/** Where an app is. */
export interface Place {
  context: Pick<Context, "pause">;
  connection: Connection;
  namespace: string;
  app: string;
}

/**
 * Runs what pushes, changes or follows, within the clock's time. Never throws: what goes wrong is in the result, which
 * `work` fills in as it comes to know it; `again` says how to go on when nothing was made yet.
 */
export async function toItsEnd(
  context: Context,
  stream: PushStream,
  again: string,
  work: (result: PushResult, clock: Clock) => Promise<Ended>,
): Promise<Ended> {
  const result = blankResult();
  const clock = watchClock(context);
  try {
    return await work(result, clock);
  } catch (error) {
    return leave(asFault(context, clock.signal.reason instanceof Fault ? clock.signal.reason : error), stream, result, again);
  } finally {
    clock.stop();
  }
}

/** Passes on a revision's events up to its result. @throws Fault when the agent stays away */
export async function followRevision(
  { context, connection, namespace, app }: Place,
  revision: number,
  stream: PushStream,
  signal: AbortSignal,
): Promise<PushResult> {
  const onLost = (fault: Fault) => stream.notice(`${fault.message}; the push goes on, connecting again`);
  for await (const event of followPush(connection.once, { namespace, app, revision, signal, pause: context.pause, onLost })) {
    if (event.type === "done") return event.result;
    stream.forward(event);
  }
  throw new Fault("bug", "the push's events ended without a result");
}

/** What a push or a change comes to once the agent has answered: done already, left to the agent, or followed to its end. */
export async function seeThrough(
  place: Place,
  accepted: Accepted,
  { stream, result, wait, signal }: { stream: PushStream; result: PushResult; wait: boolean; signal: AbortSignal },
): Promise<Ended> {
  if (accepted.outcome === "unchanged") return finish(stream, result, accepted.result);
  result.revision = accepted.revision;
  if (!wait) return finish(stream, result, { ...result, outcome: "detached" });
  return finish(stream, result, await followRevision(place, accepted.revision, stream, signal));
}

/** The agent's result, with what only this side knows: the upload. */
export function finish(stream: PushStream, own: PushResult, agents: PushResult): Ended {
  const result: PushResult = {
    ...agents,
    sent: own.sent,
    reused: { ...own.reused, build: agents.reused.build },
    phases: { ...stream.phases, ...agents.phases },
  };
  stream.done(result);
  return { result, ...(result.fault ? { fault: withPlace(result, Fault.fromWire(result.fault)) } : {}) };
}

/** This side stops. Before a revision nothing was made, and `again` says how to go on; after it, the push goes on without us. */
export function leave(found: Fault, stream: PushStream, own: PushResult, again: string): Ended {
  const detached = own.revision !== null;
  const next = detached ? `the push goes on; follow it with \`${attachCommand(own)}\`` : beforeRevision(found, again);
  const fault = withPlace(
    own,
    new Fault(found.code, found.message, { cause: found.cause ?? found, details: { ...(next ? { next } : {}), ...found.details } }),
  );
  const result: PushResult = { ...own, outcome: detached ? "detached" : "failed", phases: { ...stream.phases }, fault: fault.toWire() };
  stream.done(result);
  return { result, fault };
}

function beforeRevision({ code }: Fault, again: string): string | undefined {
  return code === "interrupted" || code === "deadline" ? again : undefined;
}

function withPlace({ app, namespace }: PushResult, fault: Fault): Fault {
  if (fault.code === "usage" || app === "") return fault;
  return new Fault(fault.code, fault.message, { cause: fault.cause, details: { app, ...(namespace ? { namespace } : {}), ...fault.details } });
}

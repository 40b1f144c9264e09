import type { PushPlan } from "#shared/api";
import { Fault } from "#shared/fault";
import type { PushResult } from "#shared/push-event";
import type { Way } from "../agent-client/connect.ts";
import { followPush } from "../agent-client/follow.ts";
import type { Context } from "../context.ts";
import { confirm } from "../report/ask.ts";
import { asFault } from "../report/fault.ts";
import { attachCommand } from "../report/push-report.ts";
import { count } from "../report/units.ts";
import { watchClock } from "./clock.ts";
import { blankResult, type PushJob, prepare } from "./prepare.ts";
import { noteOf, readJobSource, submit } from "./send.ts";
import type { PushFlags } from "./settings.ts";
import type { PushStream } from "./stream.ts";

/** How a push ended; `fault` is the result's, with its cause and stack. */
export interface Ended {
  result: PushResult;
  fault?: Fault;
}

/**
 * One push: plan, source, upload, revision, and the agent's events to their end. Never throws: what goes wrong is in
 * the result. From the moment a revision is accepted the push is the agent's, and this side can only leave it.
 */
export async function push(context: Context, flags: PushFlags, way: Way, stream: PushStream): Promise<Ended> {
  const result = blankResult();
  const clock = watchClock(context);
  try {
    const { job, reading } = await stream.phase("plan", async (note) => {
      const job = await prepare(context, flags, way, result);
      clock.start(job.timeoutMs);
      stream.notice(describe(job));
      const asked = askPlan(job, clock.signal);
      const reading = readJobSource(job, stream, clock.signal);
      // Whoever awaits it later gets the fault; until then it is not unheard.
      reading.catch(() => {});
      await agree(job, await asked, note);
      return { job, reading };
    });
    const accepted = await stream.phase("upload", async (note) => {
      const source = await reading;
      const accepted = await submit(job, source, { stream, signal: clock.signal, result });
      note(noteOf(source, result));
      return accepted;
    });
    if (accepted.outcome === "unchanged") return finish(stream, result, accepted.result);
    result.revision = accepted.revision;
    if (!flags.wait) return finish(stream, result, { ...result, outcome: "detached" });
    return finish(stream, result, await follow(job, accepted.revision, stream, clock.signal));
  } catch (error) {
    return leave(asFault(context, clock.signal.reason instanceof Fault ? clock.signal.reason : error), stream, result);
  } finally {
    clock.stop();
  }
}

/** Follows the newest push of the app, from its first event. */
export async function attach(context: Context, flags: PushFlags, way: Way, stream: PushStream): Promise<Ended> {
  const result = blankResult();
  const clock = watchClock(context);
  try {
    const job = await prepare(context, flags, way, result);
    clock.start(job.timeoutMs);
    const { namespace, app } = job;
    const { revisions } = await job.connection.client.showApp({ namespace, app: app.name }, { signal: clock.signal });
    if (revisions.length === 0)
      throw new Fault("revision_not_found", `the app '${app.name}' was never pushed`, { details: { app: app.name, namespace } });
    result.revision = Math.max(...revisions.map(({ number }) => number));
    return finish(stream, result, await follow(job, result.revision, stream, clock.signal));
  } catch (error) {
    return leave(asFault(context, clock.signal.reason instanceof Fault ? clock.signal.reason : error), stream, result);
  } finally {
    clock.stop();
  }
}

function describe({ app, namespace, connection, flags }: PushJob): string {
  const name = app.guessed ? `${app.name} (after the folder; --name gives another)` : app.name;
  return `${flags.dryRun ? "would push" : "pushing"} ${name} to namespace ${namespace} at ${connection.server}`;
}

/** What the push would change, as the agent sees it. */
export async function askPlan({ connection, namespace, app, request }: PushJob, signal: AbortSignal): Promise<PushPlan> {
  return await connection.client.planPush({ namespace, app: app.name, body: request }, { signal });
}

/* Asked only of a person, and only when davit made up the name of something that does not exist yet. */
async function agree({ context, flags, app, namespace }: PushJob, plan: PushPlan, note: (text: string) => void): Promise<void> {
  note(planNote(plan));
  if (!app.guessed || !plan.isNew || !context.isTTY) return;
  if (await confirm(context, `Make the new app '${app.name}' in namespace '${namespace}'?`, flags.yes)) return;
  throw new Fault("interrupted", "nothing was pushed", { details: { next: "`davit push --name NAME` gives it another name" } });
}

function planNote(plan: PushPlan): string {
  if (plan.isNew) return `new app, ${count(plan.instances, "instance")}, ${plan.routes.join(", ") || "no route"}`;
  return plan.changes.join(", ") || "no change of settings";
}

async function follow(job: PushJob, revision: number, stream: PushStream, signal: AbortSignal): Promise<PushResult> {
  const onLost = (fault: Fault) => stream.notice(`${fault.message}; the push goes on, connecting again`);
  const events = followPush(job.connection.once, { namespace: job.namespace, app: job.app.name, revision, signal, pause: job.context.pause, onLost });
  for await (const event of events) {
    if (event.type === "done") return event.result;
    stream.forward(event);
  }
  throw new Fault("bug", "the push's events ended without a result");
}

/* The agent's result, with what only this side knows: the upload. */
function finish(stream: PushStream, own: PushResult, agents: PushResult): Ended {
  const result: PushResult = {
    ...agents,
    sent: own.sent,
    reused: { ...own.reused, build: agents.reused.build },
    phases: { ...stream.phases, ...agents.phases },
  };
  stream.done(result);
  return { result, ...(result.fault ? { fault: withPlace(result, Fault.fromWire(result.fault)) } : {}) };
}

/* This side stops. Before a revision nothing was made; after it, the push goes on without us. */
function leave(found: Fault, stream: PushStream, own: PushResult): Ended {
  const detached = own.revision !== null;
  const next = detached ? `the push goes on; follow it with \`${attachCommand(own)}\`` : beforeRevision(found);
  const fault = withPlace(
    own,
    new Fault(found.code, found.message, { cause: found.cause ?? found, details: { ...(next ? { next } : {}), ...found.details } }),
  );
  const result: PushResult = { ...own, outcome: detached ? "detached" : "failed", phases: { ...stream.phases }, fault: fault.toWire() };
  stream.done(result);
  return { result, fault };
}

function beforeRevision({ code }: Fault): string | undefined {
  if (code === "interrupted" || code === "deadline") return "run the same push again: what was sent already is not sent again";
  return undefined;
}

function withPlace({ app, namespace }: PushResult, fault: Fault): Fault {
  if (fault.code === "usage" || app === "") return fault;
  return new Fault(fault.code, fault.message, { cause: fault.cause, details: { app, ...(namespace ? { namespace } : {}), ...fault.details } });
}

import type { PushPlan } from "#shared/api";
import { Fault } from "#shared/fault";
import type { Way } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import { confirm } from "../report/ask.ts";
import { asFault } from "../report/fault.ts";
import { count } from "../report/units.ts";
import type { OpenSource } from "../source/archive.ts";
import { blankResult, type Ended, finish, followRevision, leave, type Place, seeThrough, toItsEnd } from "./ending.ts";
import type { PushOrder } from "./orders.ts";
import { type PushJob, prepare } from "./prepare.ts";
import { type Accepted, noteOf, readJobSource, submit, submitRemote } from "./send.ts";
import type { PushStream } from "./stream.ts";

const AGAIN = "run the same push again: what was sent already is not sent again";

/**
 * One push: plan, source, upload, revision, and the agent's events to their end. Never throws: what goes wrong is in
 * the result. From the moment a revision is accepted the push is the agent's, and this side can only leave it.
 */
export async function push(context: Context, order: PushOrder, way: Way, stream: PushStream): Promise<Ended> {
  await using resources = new AsyncDisposableStack();
  return await toItsEnd(context, stream, AGAIN, async (result, clock) => {
    const { job, reading } = await stream.phase("plan", async (note) => {
      const job = await prepare(context, order, way, result);
      clock.start(job.timeoutMs);
      for (const notice of order.notices) stream.notice(notice);
      stream.notice(describe(job));
      const asked = askPlan(job, clock.signal);
      const reading = job.source.kind === "path" ? readJobSource(job, job.source.root, stream, clock.signal) : undefined;
      // Whoever awaits it later gets the fault; until then it is not unheard.
      reading?.catch(() => {});
      resources.defer(async () => (await reading?.catch(() => undefined))?.[Symbol.asyncDispose]());
      await agree(job, await asked, note);
      return { job, reading };
    });
    const accepted = reading ? await upload(job, reading, { stream, signal: clock.signal, result }) : await submitRemote(job, clock.signal);
    return await seeThrough(placeOf(job), accepted, { stream, result, wait: order.flags.wait, signal: clock.signal });
  });
}

async function upload(job: PushJob, reading: Promise<OpenSource>, io: Parameters<typeof submit>[2]): Promise<Accepted> {
  return await io.stream.phase("upload", async (note) => {
    await using source = await reading;
    const accepted = await submit(job, source, io);
    note(noteOf(source, io.result));
    return accepted;
  });
}

/** A push that cannot even begin. */
export function refuse(context: Context, error: unknown, stream: PushStream): Ended {
  return leave(asFault(context, error), stream, blankResult(), AGAIN);
}

/** Follows the newest push of the app, from its first event. */
export async function attach(context: Context, order: PushOrder, way: Way, stream: PushStream): Promise<Ended> {
  return await toItsEnd(context, stream, AGAIN, async (result, clock) => {
    const job = await prepare(context, order, way, result);
    clock.start(job.timeoutMs);
    const { namespace, app } = job;
    const { revisions } = await job.connection.client.showApp({ namespace, app: app.name }, { signal: clock.signal });
    if (revisions.length === 0)
      throw new Fault("revision_not_found", `the app '${app.name}' was never pushed`, { details: { app: app.name, namespace } });
    result.revision = Math.max(...revisions.map(({ number }) => number));
    return finish(stream, result, await followRevision(placeOf(job), result.revision, stream, clock.signal));
  });
}

function describe({ app, namespace, connection, manifest }: PushJob): string {
  const name = app.after ? `${app.name} (after the ${app.after}; --name gives another)` : app.name;
  return `pushing ${name} to namespace ${namespace} at ${connection.server}${manifest ? `, as ${manifest} says` : ""}`;
}

/** What the push would change, as the agent sees it. */
export async function askPlan({ connection, namespace, app, request }: PushJob, signal: AbortSignal): Promise<PushPlan> {
  return await connection.client.planPush({ namespace, app: app.name, body: request }, { signal });
}

/* Asked only of a person, and only when davit made up the name of something that does not exist yet. */
async function agree({ context, flags, app, namespace }: PushJob, plan: PushPlan, note: (text: string) => void): Promise<void> {
  note(planNote(plan));
  if (!app.after || !plan.isNew || !context.isTTY) return;
  if (await confirm(context, `Make the new app '${app.name}' in namespace '${namespace}'?`, flags.yes)) return;
  throw new Fault("interrupted", "nothing was pushed", { details: { next: "`davit push --name NAME` gives it another name" } });
}

function planNote(plan: PushPlan): string {
  if (plan.isNew) return `new app, ${count(plan.instances, "instance")}, ${plan.routes.join(", ") || "no route"}`;
  return plan.changes.join(", ") || "no change of settings";
}

function placeOf({ context, connection, namespace, app }: PushJob): Place {
  return { context, connection, namespace, app: app.name };
}

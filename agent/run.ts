import type { Phase } from "#shared/app";
import type { Fault } from "#shared/fault";
import { within } from "#shared/within";
import { patchRevision, type RevisionStatus } from "./apps.ts";
import type { Deps } from "./deps.ts";
import type { App, Revision } from "./objects/types.ts";
import type { EventLog } from "./store/event-log.ts";
import type { Tenant } from "./tenants.ts";

/** A store that is silent is asked again within that time. */
const STORED_MS = 120_000;

/** One push under way: what it is about, and where it tells what happens. */
export interface Run extends Deps {
  tenant: Tenant;
  app: App;
  revision: Revision;
  events: EventLog;
  signal: AbortSignal;
  /** Frees what Pods that only wait hold on the nodes. */
  makeRoom: () => Promise<void>;
}

/** Lets a phase add to the line that tells of its end. */
export type Note = (note: string) => void;

/** Runs one phase and tells its beginning and end. */
export async function phase<T>(run: Run, name: Phase, work: (note: Note) => Promise<T>): Promise<T> {
  beginPhase(run, name);
  await patchRevision(run.kube, run.revision, { phase: name });
  let note: string | undefined;
  const result = await work((text) => {
    note = text;
  });
  endPhase(run, name, note);
  return result;
}

/**
 * Writes down how far the push has come: what led there will not be heard again, so it is stored first. A store that stays
 * away keeps the truth about an app waiting for a while only.
 */
export async function checkpoint({ kube, revision, events, log }: Run, status: Partial<RevisionStatus>): Promise<void> {
  const stored = await within(
    STORED_MS,
    events.stored().then(() => true),
  );
  if (!stored) log("the events of a push are not stored yet, and it goes on", { revision: revision.metadata.name });
  await patchRevision(kube, revision, status);
}

/** Tells that a phase begins, unless that was told before the agent was restarted. */
export function beginPhase(run: Run, name: Phase): void {
  if (!beginOf(run, name)) run.events.append({ type: "phase-started", phase: name });
}

/** Tells that a phase has ended, once; its time, from its first beginning, is stored with the next change of the revision's status. */
export function endPhase(run: Run, name: Phase, note?: string): void {
  if (run.events.events.some((event) => event.type === "phase-ended" && event.phase === name)) return;
  const ms = Date.now() - (beginOf(run, name)?.at ?? Date.now());
  run.revision.status = { ...run.revision.status, phases: { ...run.revision.status?.phases, [name]: ms } };
  run.events.append({ type: "phase-ended", phase: name, ms, ...(note === undefined ? {} : { note }) });
}

function beginOf(run: Run, name: Phase) {
  return run.events.events.find((event) => event.type === "phase-started" && event.phase === name);
}

/** A signal that also aborts after `ms`, with `fault` as its reason; call `clear` when the wait is over. */
export function deadline(signal: AbortSignal, ms: number, fault: () => Fault): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(fault()), ms);
  return { signal: AbortSignal.any([signal, controller.signal]), clear: () => clearTimeout(timer) };
}

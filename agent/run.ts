import type { Phase } from "#shared/app";
import type { Fault } from "#shared/fault";
import { patchRevision } from "./apps.ts";
import type { Deps } from "./deps.ts";
import type { App, Revision } from "./objects/types.ts";
import type { EventLog } from "./store/event-log.ts";
import type { Tenant } from "./tenants.ts";

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

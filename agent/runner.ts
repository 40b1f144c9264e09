import { Fault, type FaultCode } from "#shared/fault";
import { hasStatus } from "#shared/kube/fault";
import { pause } from "#shared/within";
import { needApp } from "./apps.ts";
import type { Deps } from "./deps.ts";
import { DAVIT_API, type Revision } from "./objects/types.ts";
import { ownFault } from "./own-fault.ts";
import { push } from "./push.ts";
import { resultOf } from "./result.ts";
import type { Run } from "./run.ts";
import { EventLog } from "./store/event-log.ts";
import type { Tenants } from "./tenants.ts";
import { type AppKey, WarmPods } from "./warm-pods.ts";

const RETRY_MS = 2000;
const GONE = new Set<FaultCode>(["app_not_found", "namespace_not_found", "namespace_unmanaged"]);

/** Runs pushes: those of one app one after the other, in the order of their numbers, those of different apps side by side. */
export class Runner {
  readonly #deps: Deps;
  readonly #tenants: Tenants;
  readonly #stop: AbortSignal;
  readonly #logs = new Map<string, Promise<EventLog>>();
  readonly #queues = new Map<AppKey, Promise<void>>();
  /** One for all of an app's pushes, those that wait included. */
  readonly #aborts = new Map<AppKey, AbortController>();
  readonly #warm: WarmPods;

  constructor(deps: Deps, tenants: Tenants, stop: AbortSignal) {
    this.#deps = deps;
    this.#tenants = tenants;
    this.#stop = stop;
    this.#warm = new WarmPods(deps, (app) => this.#queues.has(app));
  }

  /** Goes on with every push that had not ended when the agent did. */
  async resume(): Promise<void> {
    const all = await this.#deps.kube.list<Revision>({ apiVersion: DAVIT_API, kind: "Revision" });
    const open = all.filter((revision) => !revision.status?.outcome).sort((a, b) => a.spec.number - b.spec.number);
    for (const revision of open) this.start(revision);
    if (open.length > 0) this.#deps.log("pushes go on", { count: open.length });
  }

  /** Takes a revision; returns at once. */
  start(revision: Revision): void {
    const app = keyOf(revision.metadata.namespace, revision.spec.app);
    const before = this.#queues.get(app);
    const name = revision.metadata.name;
    const abort = this.#aborts.get(app) ?? new AbortController();
    this.#aborts.set(app, abort);
    const run = (async () => {
      if (before) {
        const events = await this.events(revision);
        events.append({ type: "notice", message: "waiting for an earlier push of this app to end" });
        await before;
      }
      await this.#run(revision, AbortSignal.any([this.#stop, abort.signal]));
    })().catch((error) => {
      if (!this.#stop.aborted) this.#deps.log("a push could not be run", { revision: name, error });
    });
    this.#queues.set(app, run);
    void run.finally(() => {
      if (this.#queues.get(app) !== run) return;
      this.#queues.delete(app);
      this.#aborts.delete(app);
    });
  }

  /** A revision's events, whether it runs or ended long ago. The log of a running push is shared. */
  async events(revision: Revision): Promise<EventLog> {
    const key = logKey(revision);
    return await (this.#logs.get(key) ?? this.#openLog(key, revision));
  }

  /** The apps of which a push is under way. */
  busy(): AppKey[] {
    return [...this.#queues.keys()];
  }

  /** Stops the pushes of an app that is being deleted. */
  async cancel(namespace: string, app: string): Promise<void> {
    const key = keyOf(namespace, app);
    this.#aborts.get(key)?.abort(new Fault("app_deleting", "the app is being deleted"));
    await this.#queues.get(key);
  }

  #openLog(key: string, revision: Revision): Promise<EventLog> {
    const opening = this.#readLog(revision);
    this.#logs.set(key, opening);
    opening.then(
      (log) => log.done && this.#logs.delete(key),
      () => this.#logs.delete(key),
    );
    return opening;
  }

  async #readLog(revision: Revision): Promise<EventLog> {
    const tenant = await this.#tenants.need(revision.metadata.namespace);
    const log = await EventLog.open(this.#deps.store, tenant.uid, revision.spec.app, revision.spec.number);
    // The agent was killed between the revision's end and the log's.
    if (revision.status?.outcome && !log.done) await log.end({ type: "done", result: resultOf(revision) });
    return log;
  }

  /** Whoever follows a push whose app, or namespace, vanished is told so. */
  async #endGone(revision: Revision, error: unknown): Promise<void> {
    const log = await this.#logs.get(logKey(revision));
    if (!log || log.done) return;
    revision.status = { ...revision.status, outcome: "failed", fault: ownFault(error).toWire() };
    await log.end({ type: "done", result: resultOf(revision) });
  }

  async #run(revision: Revision, signal: AbortSignal): Promise<void> {
    try {
      await this.#attempt(revision, signal);
    } finally {
      this.#logs.delete(logKey(revision));
    }
  }

  async #prepareNext(run: Run): Promise<void> {
    try {
      await this.#warm.prepare(run);
    } catch (error) {
      if (!this.#stop.aborted) this.#deps.log("the next push of an app could not be prepared", { revision: run.revision.metadata.name, error });
    }
  }

  /** A push ends by itself, well or with a fault; what throws is the world around it (no API server, no store), and is tried again. */
  async #attempt(revision: Revision, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const tenant = await this.#tenants.need(revision.metadata.namespace);
        const app = await needApp(this.#deps.kube, tenant.name, revision.spec.app);
        const makeRoom = () => this.#warm.makeRoom();
        const run: Run = { ...this.#deps, tenant, app, revision, events: await this.events(revision), signal, makeRoom };
        await push(run);
        if (!signal.aborted && hasSource(revision)) void this.#prepareNext({ ...run, signal: this.#stop });
        return;
      } catch (error) {
        signal.throwIfAborted();
        const gone = isGone(error);
        this.#deps.log(gone ? "a push ends with its app" : "a push is tried again", { revision: revision.metadata.name, error });
        if (gone) return await this.#endGone(revision, error);
        await pause(RETRY_MS, signal);
      }
    }
  }
}

/** Whether a push brought a source of its own, so that the next one may be staged too. */
function hasSource({ spec }: Revision): boolean {
  return spec.from === undefined && spec.source.kind !== "image";
}

/** The app, its namespace or the revision itself is not there any more: nobody waits for the end. */
function isGone(error: unknown): boolean {
  return error instanceof Fault && (GONE.has(error.code) || hasStatus(error, 404));
}

function logKey({ metadata, spec }: Revision): string {
  return `${keyOf(metadata.namespace, spec.app)}/${spec.number}`;
}

function keyOf(namespace: string, app: string): AppKey {
  return `${namespace}/${app}`;
}

import { Fault, type FaultCode } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Namespace } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { pause } from "#shared/within";
import { getApp, needApp } from "./apps.ts";
import type { Deps } from "./deps.ts";
import type { Collector } from "./gc/collector.ts";
import { Joined } from "./joined.ts";
import { FINALIZER, LABEL } from "./objects/meta.ts";
import { type App, DAVIT_API } from "./objects/types.ts";
import { removeStaging } from "./phases/staging-pod.ts";
import { removeAll } from "./remove-all.ts";
import type { Runner } from "./runner.ts";

const RETRY_MS = 2000;
const MAX_RETRY_MS = 60_000;
/** How long who asked for a deletion is kept waiting while the registry or the store is away, as at an update of davit. */
const PATIENCE_MS = 60_000;

/** Deletes apps with all that they have, and cleans up after those that somebody else deletes. */
export class Removals {
  readonly #deps: Deps;
  readonly #runner: Runner;
  readonly #collector: Collector;
  /** By the App's uid: who asked for the deletion and who follows all of them do not clean up at the same time. */
  readonly #joined = new Joined();
  readonly #patienceMs: number;

  constructor(deps: Deps, runner: Runner, collector: Collector, patienceMs = PATIENCE_MS) {
    this.#deps = deps;
    this.#runner = runner;
    this.#collector = collector;
    this.#patienceMs = patienceMs;
  }

  /**
   * Deletes an app and waits until its name is free. What is in its namespace goes with the App object; what lies
   * elsewhere is taken away first, and the finalizer makes sure of it when the agent is killed on the way.
   */
  async remove(namespace: string, name: string): Promise<void> {
    const { kube } = this.#deps;
    const app = await needApp(kube, namespace, name);
    await kube.remove({ apiVersion: DAVIT_API, kind: "App", namespace, name });
    for (const end = Date.now() + this.#patienceMs; ; await pause(RETRY_MS)) {
      try {
        return await this.#cleanUp(app);
      } catch (error) {
        if (!(error instanceof Fault) || !AWAY.has(error.code)) throw error;
        if (Date.now() >= end) throw goesOn(error, name);
      }
    }
  }

  /** Cleans up after every App that is deleted by whatever means, also with its namespace, until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const seen = new Set<string | undefined>();
    for await (const event of watch<App>(this.#deps.kube, { apiVersion: DAVIT_API, kind: "App" }, { signal })) {
      if (event.type === "synced") continue;
      const { uid, deletionTimestamp } = event.object.metadata;
      if (event.type === "gone") seen.delete(uid);
      if (event.type === "gone" || !deletionTimestamp || seen.has(uid)) continue;
      seen.add(uid);
      void this.#cleanUpAtLast(event.object, signal);
    }
  }

  /** The store or the registry may be away for a while. */
  async #cleanUpAtLast(app: App, signal: AbortSignal): Promise<void> {
    const { name, namespace } = app.metadata;
    for (let wait = RETRY_MS; !signal.aborted; wait = Math.min(2 * wait, MAX_RETRY_MS)) {
      try {
        return await this.#cleanUp(app);
      } catch (error) {
        this.#deps.log("a deleted app could not be cleaned up yet", { namespace, app: name, error });
        await pause(wait, signal);
      }
    }
  }

  async #cleanUp({ metadata: { name, namespace, uid } }: App): Promise<void> {
    await this.#joined.run(uid ?? "", async () => {
      const { kube } = this.#deps;
      // A new one of its name is nobody's to clean up.
      if ((await getApp(kube, namespace, name))?.metadata.uid !== uid) return;
      await this.#runner.cancel(namespace, name);
      const home = await kube.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name: namespace });
      await removeObjects(this.#deps, namespace, name, home?.metadata?.deletionTimestamp !== undefined);
      // With its revisions gone, all that was kept for their sake is garbage.
      if (home?.metadata?.uid) await this.#collector.afterDeletion({ name: namespace, uid: home.metadata.uid });
      await removeFinalizer(kube, namespace, name);
    });
  }
}

/** What keeps a deletion from its end is told, and that nobody has to wait for it. */
function goesOn(error: Fault, app: string): Fault {
  const next = "`davit app list` shows when it is gone; nothing has to be done for that";
  return new Fault(error.code, `'${app}' is being deleted, but not at its end: ${error.message}`, {
    cause: error,
    details: { ...error.details, next },
  });
}

/** What comes back by itself; the deletion goes on then. */
const AWAY = new Set<FaultCode>(["registry_unavailable", "store_unavailable", "cluster_unreachable", "deadline"]);

async function removeObjects({ kube, routing }: Deps, namespace: string, app: string, withNamespace: boolean): Promise<void> {
  // What is in a namespace that is being deleted goes with it, and the agent's role there may have gone already.
  if (withNamespace) return await removeStaging(kube, namespace, app);
  await Promise.all([
    removeStaging(kube, namespace, app),
    // These would go with the App by themselves, but later than a new app of this name may need theirs.
    routing.end(namespace, app),
    ...OWNED.map((kind) => removeAll(kube, { ...kind, namespace }, `${LABEL.app}=${app}`)),
  ]);
}

async function removeFinalizer(kube: Kube, namespace: string, name: string): Promise<void> {
  if (!(await getApp(kube, namespace, name))?.metadata.finalizers?.includes(FINALIZER)) return;
  const path = pathOf({ apiVersion: DAVIT_API, kind: "App", namespace, name });
  await kube.json(path, { method: "PATCH", contentType: "application/merge-patch+json", body: { metadata: { finalizers: null } } });
}

/** What an app has in its namespace, besides its routes and the Pods that go with the Deployment. */
const OWNED = [
  { apiVersion: "v1", kind: "Service" },
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: DAVIT_API, kind: "Revision" },
  { apiVersion: "v1", kind: "Secret" },
];

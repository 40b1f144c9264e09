import type { V1Job } from "#shared/kube/objects";
import { getApp } from "./apps.ts";
import type { Deps } from "./deps.ts";
import { LABEL, STAGING } from "./objects/meta.ts";
import { sendSource } from "./phases/stage-order.ts";
import { provideVolume, removeStaging } from "./phases/staging-pod.ts";
import type { Run } from "./run.ts";

/** Staging Pods that may wait at the same time; beyond it those go whose app was pushed longest ago. */
const MAX_WAITING = 4;

/** Names an app among those of all namespaces. */
export type AppKey = `${string}/${string}`;

/** The staging Pods that wait for their apps' next pushes: one each, on the app's volume, and none where a node has no room for more. */
export class WarmPods {
  readonly #deps: Deps;
  readonly #isBusy: (app: AppKey) => boolean;
  readonly #pushedAt = new Map<AppKey, number>();
  readonly #preparing = new Set<AppKey>();

  /** `isBusy` tells whether a push of the app is under way; its Pod is left alone. */
  constructor(deps: Deps, isBusy: (app: AppKey) => boolean) {
    this.#deps = deps;
    this.#isBusy = isBusy;
  }

  /** After a push: what the next one of the app will find. */
  async prepare(run: Run): Promise<void> {
    const app: AppKey = `${run.revision.metadata.namespace}/${run.revision.spec.app}`;
    this.#pushedAt.set(app, Date.now());
    if (this.#preparing.has(app)) return;
    this.#preparing.add(app);
    try {
      // Nobody waits for this Pod, so nobody has to make room for it.
      const pod = await provideVolume({ ...run, makeRoom: async () => undefined });
      if (pod) {
        await sendSource(run, pod);
        await this.#end((job) => keyOf(job) === app && job.metadata?.name !== pod.job);
      }
      await this.#limit();
    } finally {
      this.#preparing.delete(app);
      await this.#forgetDeleted(run);
    }
  }

  /** An app that was deleted meanwhile was cleaned up before this Pod and its volume were made. */
  async #forgetDeleted({ kube, app: { metadata } }: Run): Promise<void> {
    const present = await getApp(kube, metadata.namespace, metadata.name);
    if (!present || present.metadata.deletionTimestamp) await removeStaging(kube, metadata.namespace, metadata.name);
  }

  /** Ends every Pod that only waits, because one that has work to do finds no room on any node. */
  async makeRoom(): Promise<void> {
    await this.#end(() => true);
  }

  async #limit(): Promise<void> {
    const last = (job: V1Job) => this.#pushedAt.get(keyOf(job)) ?? 0;
    const waiting = (await this.#waiting()).sort((a, b) => last(b) - last(a));
    const tooMany = new Set(waiting.slice(MAX_WAITING).map((job) => job.metadata?.name));
    const stay = new Set(waiting.slice(0, MAX_WAITING).map(keyOf));
    for (const app of this.#pushedAt.keys()) if (!stay.has(app) && !this.#isBusy(app)) this.#pushedAt.delete(app);
    await this.#end((job) => tooMany.has(job.metadata?.name));
  }

  async #waiting(): Promise<V1Job[]> {
    const ref = { apiVersion: "batch/v1", kind: "Job", namespace: STAGING };
    const jobs = await this.#deps.kube.list<V1Job>(ref, { labels: "app.kubernetes.io/component=staging" });
    return jobs.filter((job) => !this.#isBusy(keyOf(job)));
  }

  async #end(choose: (job: V1Job) => boolean): Promise<void> {
    const chosen = (await this.#waiting()).filter(choose);
    await Promise.all(
      chosen.map(({ metadata }) => this.#deps.kube.remove({ apiVersion: "batch/v1", kind: "Job", namespace: STAGING, name: metadata?.name })),
    );
  }
}

function keyOf(job: V1Job): AppKey {
  const labels = job.metadata?.labels ?? {};
  return `${labels[LABEL.namespace] ?? ""}/${labels[LABEL.app] ?? ""}`;
}

import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1PersistentVolumeClaim, V1Pod } from "#shared/kube/objects";
import { LABEL, STAGING, stagingName } from "../objects/meta.ts";
import { type StagingDisk, type StagingOptions, stagingJob, stagingVolume } from "../objects/staging.ts";
import { removeAll } from "../remove-all.ts";
import type { Run } from "../run.ts";
import { freeName, hasEnded, jobPod } from "./job-pod.ts";

export interface StagingPod {
  name: string;
  uid: string;
  /** The Job that made it. */
  job: string;
}

/** Labels that select all that an app has in the staging namespace. */
function appSelector(namespace: string, app: string): string {
  return `${LABEL.namespace}=${namespace},${LABEL.app}=${app}`;
}

/** Labels that select an app's staging Pods. */
function stagingSelector(namespace: string, app: string): string {
  return `${appSelector(namespace, app)},app.kubernetes.io/component=staging`;
}

/**
 * The app's staging Pod with both containers running: the one that waits since the last push, or a new one. A first push
 * does not wait for a volume: {@link provideVolume} makes it afterwards.
 * @throws Fault staging_unschedulable, staging_failed, image_pull when none comes up
 */
export async function stagingPod(run: Run): Promise<StagingPod> {
  const options = optionsOf(run);
  const warm = await warmPod(run, options);
  if (warm) return warm;
  await endStaging(run);
  const disk = (await hasVolume(run, options)) ? "volume" : "scratch";
  return await startPod(run, options, disk);
}

/** Makes the app's volume, unless it has one, and a Pod on it that takes the next push. */
export async function provideVolume(run: Run): Promise<StagingPod | undefined> {
  const options = optionsOf(run);
  if (await hasVolume(run, options)) return undefined;
  await run.kube.create(stagingVolume(options));
  return await startPod(run, options, "volume");
}

/** Takes away all that an app has in the staging namespace. */
export async function removeStaging(kube: Kube, namespace: string, app: string): Promise<void> {
  const labels = appSelector(namespace, app);
  const kinds = [
    { apiVersion: "batch/v1", kind: "Job", namespace: STAGING },
    { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: STAGING },
  ];
  await Promise.all(kinds.map((ref) => removeAll(kube, ref, labels)));
}

function optionsOf(run: Run): StagingOptions {
  const { agentImage, kanikoImage, storageClass } = run.config;
  return { namespace: run.revision.metadata.namespace, app: run.revision.spec.app, agentImage, kanikoImage, storageClass };
}

async function hasVolume(run: Run, options: StagingOptions): Promise<boolean> {
  const name = stagingName(options.namespace, options.app);
  const claim = await run.kube.get<V1PersistentVolumeClaim>({ apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: STAGING, name });
  return claim?.status?.phase === "Bound";
}

async function startPod(run: Run, options: StagingOptions, disk: StagingDisk): Promise<StagingPod> {
  const name = await freeJobName(run, stagingName(options.namespace, options.app));
  await run.kube.create(stagingJob(options, name, disk));
  try {
    return await started(run, name);
  } catch (error) {
    await run.kube.remove({ apiVersion: "batch/v1", kind: "Job", namespace: STAGING, name });
    throw error;
  }
}

async function warmPod(run: Run, options: StagingOptions): Promise<StagingPod | undefined> {
  const pods = await run.kube.list<V1Pod>(
    { apiVersion: "v1", kind: "Pod", namespace: STAGING },
    { labels: stagingSelector(options.namespace, options.app), signal: run.signal },
  );
  const ready = pods.filter((pod) => {
    const images = pod.spec?.containers.map((container) => container.image);
    return isRunning(pod) && images?.[0] === options.agentImage && images[1] === options.kanikoImage;
  });
  const onVolume = ready.find((pod) => pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim));
  const best = onVolume ?? ready[0];
  return best && identify(best);
}

/** Ends the app's staging Jobs: those that take no orders any more would hold its volume. */
export async function endStaging(run: Run): Promise<void> {
  const labels = stagingSelector(run.revision.metadata.namespace, run.revision.spec.app);
  await run.kube.remove({ apiVersion: "batch/v1", kind: "Job", namespace: STAGING }, { labels });
}

/** Every start of a Pod for a revision has a name of its own. */
async function freeJobName(run: Run, base: string): Promise<string> {
  const labels = stagingSelector(run.revision.metadata.namespace, run.revision.spec.app);
  const jobs = await run.kube.list({ apiVersion: "batch/v1", kind: "Job", namespace: STAGING }, { labels });
  return freeName(`${base}-${run.revision.spec.number}`, jobs);
}

async function started(run: Run, job: string): Promise<StagingPod> {
  const pod = await jobPod(run, job, (pod) => {
    if (hasEnded(pod)) throw new Fault("staging_failed", "the staging Pod ended before it could begin");
    return isRunning(pod);
  });
  return identify(pod);
}

function identify(pod: V1Pod): StagingPod {
  const { name = "", uid = "", labels } = pod.metadata ?? {};
  return { name, uid, job: labels?.["batch.kubernetes.io/job-name"] ?? "" };
}

function isRunning(pod: V1Pod): boolean {
  const statuses = pod.status?.containerStatuses ?? [];
  return !pod.metadata?.deletionTimestamp && statuses.length === 2 && statuses.every((status) => status.state?.running);
}

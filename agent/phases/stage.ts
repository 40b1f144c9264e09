import { Fault, type FaultWire } from "#shared/fault";
import { getRevision, listRevisions, patchRevision } from "../apps.ts";
import { hasImage, repositoryOf } from "../images/image-registry.ts";
import { LABEL } from "../objects/meta.ts";
import type { Revision } from "../objects/types.ts";
import { beginPhase, checkpoint, deadline, endPhase, type Note, phase, type Run } from "../run.ts";
import type { StageReport } from "../stage/order.ts";
import { buildFault } from "./build-fault.ts";
import { pinImage } from "./pin-image.ts";
import { PodLost, runOrder } from "./stage-order.ts";
import { endStaging, stagingPod } from "./staging-pod.ts";

/** Lines of the build's log that a fault quotes. */
const QUOTED_LINES = 12;
/** Pods that a push may lose before it is said to have failed. */
const MAX_LOST_PODS = 2;
const RESTARTED = "the staging Pod is gone; staging starts again";

/**
 * Brings the revision's source to an image: the one of the revision that it is made from, the one that was pushed, the
 * one of an earlier build when nothing that matters has changed, or a new one.
 */
export async function stage(run: Run): Promise<string> {
  const { status, spec } = run.revision;
  if (status?.image) return status.image;
  const { image, reused } = await imageFor(run, spec);
  await checkpoint(run, { image, reusedBuild: reused });
  return image;
}

async function imageFor(run: Run, { from, source, rebuild }: Revision["spec"]): Promise<{ image: string; reused: boolean }> {
  if (from !== undefined) return { image: await phase(run, "stage", (note) => imageOfRevision(run, from, note)), reused: true };
  if (source.kind === "image") return { image: await phase(run, "stage", (note) => pinImage(run, source.image, note)), reused: true };
  const earlier = rebuild ? undefined : await earlierBuild(run);
  if (earlier) return { image: await phase(run, "stage", async (note) => reuse(earlier, note)), reused: true };
  return { image: await buildInTime(run), reused: false };
}

async function imageOfRevision(run: Run, number: number, note: Note): Promise<string> {
  const { name, namespace } = run.app.metadata;
  const from = await getRevision(run.kube, namespace, name, number);
  if (from?.status?.image) return reuse(from, note);
  const details = { app: name, namespace, revision: String(number) };
  if (from?.status?.fault) throw baseFailed(run, from.status.fault, details);
  throw new Fault("image_gone", `revision ${number} of '${name}' has no image`, { details });
}

/** The change was asked for while the push was under way that it builds upon. */
function baseFailed({ app }: Run, why: FaultWire, details: { app: string; namespace: string; revision: string }): Fault {
  if (why.code === "base_failed") return Fault.fromWire(why);
  const serving = app.status?.revision;
  return new Fault(
    "base_failed",
    `revision ${details.revision} of '${details.app}', which was being pushed, has failed (${why.code}): ${why.message}`,
    {
      details: { ...details, ...(serving === undefined ? {} : { serving: String(serving) }) },
    },
  );
}

async function earlierBuild(run: Run): Promise<Revision | undefined> {
  const { namespace, labels } = run.revision.metadata;
  const revisions = await listRevisions(run.kube, namespace, run.revision.spec.app);
  const same = revisions.find((revision) => revision.metadata.labels?.[LABEL.buildKey] === labels?.[LABEL.buildKey] && revision.status?.image);
  return same?.status?.image && (await hasImage(run.registry, same.status.image, run.signal)) ? same : undefined;
}

function reuse(earlier: Revision, note: Note): string {
  note(`took the image of revision ${earlier.spec.number}`);
  return earlier.status?.image ?? "";
}

async function buildInTime(run: Run): Promise<string> {
  const { timeoutSeconds } = run.revision.spec;
  const left = Date.parse(run.revision.metadata.creationTimestamp ?? "") + timeoutSeconds * 1000 - Date.now();
  const limit = deadline(run.signal, left, () => new Fault("build_timeout", `the build did not end within ${timeoutSeconds} s of the push`));
  try {
    return await buildSomewhere({ ...run, signal: limit.signal });
  } catch (error) {
    // What still builds there is wanted by nobody, and the next push would wait for it.
    if (limit.signal.aborted && !run.signal.aborted) await endStaging(run);
    throw error;
  } finally {
    limit.clear();
  }
}

/** A node that is drained, or an eviction, costs a build its Pod; it begins again on another. */
async function buildSomewhere(run: Run): Promise<string> {
  beginPhase(run, "hydrate");
  for (let lost = 0; ; lost++) {
    try {
      return await build(run);
    } catch (error) {
      if (!(error instanceof PodLost) || lost >= MAX_LOST_PODS) throw error;
      run.log("a staging Pod was lost", { revision: run.revision.metadata.name, error });
    }
  }
}

async function build(run: Run): Promise<string> {
  const pod = await stagingPod(run);
  if (run.revision.status?.stagingPod !== pod.uid) {
    if (run.revision.status?.stagingPod) run.events.append({ type: "notice", message: RESTARTED });
    await patchRevision(run.kube, run.revision, { stagingPod: pod.uid });
  }
  const lines: string[] = [];
  const told = linesTold(run);
  for await (const report of runOrder(run, pod)) {
    if (report.type === "hydrated") hydrated(run, report);
    if (report.type === "log") {
      lines.push(report.line);
      if (lines.length > QUOTED_LINES) lines.shift();
      if (report.number > told) run.events.append({ type: "log", phase: "stage", line: report.line });
    }
    if (report.type === "failed") throw new Fault(report.code, report.message);
    if (report.type === "built") return await built(run, report, lines);
  }
  throw new Fault("staging_failed", "the staging Pod stopped reporting before the build ended");
}

function hydrated(run: Run, report: Extract<StageReport, { type: "hydrated" }>): void {
  endPhase(run, "hydrate", `${report.written} files written, ${report.bytes} bytes read`);
  beginPhase(run, "stage");
}

async function built(run: Run, report: Extract<StageReport, { type: "built" }>, lines: readonly string[]): Promise<string> {
  if (report.exit !== 0 || !report.digest) throw buildFault(report.exit, lines);
  const image = `${repositoryOf(run.registry, run.revision.metadata.namespace, run.revision.spec.app)}@${report.digest}`;
  // The truth that a build ended well is the registry's.
  if (!(await hasImage(run.registry, image, run.signal)))
    throw new Fault("registry_unavailable", "the build ended, but the registry does not have its image");
  endPhase(run, "stage");
  return image;
}

/** How many of this build's lines are in the log already, from before the agent was restarted. */
function linesTold(run: Run): number {
  let count = 0;
  for (const event of run.events.events.toReversed()) {
    if (event.type === "notice" && event.message === RESTARTED) break;
    if (event.type === "log" && event.phase === "stage") count += 1;
  }
  return count;
}

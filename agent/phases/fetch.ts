import { Fault, type FaultCode } from "#shared/fault";
import { labelRevision } from "../apps.ts";
import { buildKey } from "../build-key.ts";
import { checkDockerfile } from "../dockerfile.ts";
import type { FetchReport } from "../fetch/order.ts";
import type { GitSource } from "../git-credentials.ts";
import { LABEL } from "../objects/meta.ts";
import { checkpoint, deadline, type Note, phase, type Run } from "../run.ts";
import { endFetch, FetchLost, fetchReports } from "./fetch-job.ts";

/** Pods that a fetch may lose before it is said to have failed. */
const MAX_LOST_PODS = 2;
const GONE = new Set<FaultCode>(["tree_base_unknown", "chunks_missing"]);

interface Fetched {
  commit: string;
  tree: string;
}

/**
 * Brings a git source's files to the store, unless they are there. From then on the revision is built like any other:
 * its tree decides what its build is called, so the same files are one build, wherever they came from.
 */
export async function fetchSource(run: Run): Promise<void> {
  const { spec, status } = run.revision;
  const { source, from, fetched } = spec;
  if (source.kind !== "git" || from !== undefined || status?.tree) return;
  const { commit, tree } = (await kept(run, fetched)) ?? (await fetchInTime(run, fetched ? { ...source, revision: fetched.commit } : source));
  await labelRevision(run.kube, run.revision, {
    [LABEL.buildKey]: buildKey({ source: { kind: "tree", tree }, buildArgs: spec.buildArgs }, run.config.kanikoImage),
  });
  await checkpoint(run, { commit, tree });
  await run.sources.settle(run.tenant.uid, tree);
  await endFetch(run);
}

/** What was fetched for the revision that is built again, while its files are kept. */
async function kept(run: Run, fetched: Fetched | undefined): Promise<Fetched | undefined> {
  if (!fetched) return undefined;
  try {
    await run.sources.complete(run.tenant.uid, fetched.tree);
    tellOnce(run, `building commit ${fetched.commit.slice(0, 12)} again, as it was fetched before`);
    return fetched;
  } catch (error) {
    if (error instanceof Fault && GONE.has(error.code)) return undefined;
    throw error;
  }
}

async function fetchInTime(run: Run, source: GitSource): Promise<Fetched> {
  const { timeoutSeconds } = run.revision.spec;
  const left = Date.parse(run.revision.metadata.creationTimestamp ?? "") + timeoutSeconds * 1000 - Date.now();
  const limit = deadline(run.signal, left, () => new Fault("git_unreachable", `the fetch did not end within ${timeoutSeconds} s of the push`));
  try {
    return await phase(run, "fetch", (note) => fetchSomewhere({ ...run, signal: limit.signal }, source, note));
  } catch (error) {
    // When the agent stops, or cannot reach the cluster, the Job goes on, and the agent with it later.
    if (!run.signal.aborted && !(error instanceof Fault && error.code === "cluster_unreachable")) await endFetch(run);
    throw error;
  } finally {
    limit.clear();
  }
}

/** A node that is drained, or an eviction, costs a fetch its Pod; it begins again on another. */
async function fetchSomewhere(run: Run, source: GitSource, note: Note): Promise<Fetched> {
  for (let lost = 0; ; lost++) {
    try {
      return await fetchTree(run, source, note);
    } catch (error) {
      if (!(error instanceof FetchLost) || lost >= MAX_LOST_PODS) throw error;
      run.log("a fetch Pod was lost", { revision: run.revision.metadata.name, error });
      await endFetch(run);
    }
  }
}

async function fetchTree(run: Run, source: GitSource, note: Note): Promise<Fetched> {
  for await (const report of fetchReports(run, source)) {
    const fetched = hear(run, report);
    if (!fetched) continue;
    checkDockerfile(await run.sources.complete(run.tenant.uid, fetched.tree));
    note(`${fetched.files} files, ${fetched.bytes} bytes`);
    return fetched;
  }
  throw new FetchLost("it ended without a word");
}

function hear(run: Run, report: FetchReport): Extract<FetchReport, { type: "fetched" }> | undefined {
  switch (report.type) {
    case "notice":
      tellOnce(run, report.message);
      return undefined;
    case "progress":
      if (!toldProgress(run, report)) run.events.append({ ...report, phase: "fetch", unit: "bytes" });
      return undefined;
    case "failed":
      throw new Fault(report.code, report.message, { details: report.details });
    case "fetched":
      return report;
  }
}

/* After a restart everything is heard again, and what was told is not told twice. */

function tellOnce(run: Run, message: string): void {
  const told = run.events.events.some((event) => event.type === "notice" && event.message === message);
  if (!told) run.events.append({ type: "notice", message });
}

function toldProgress(run: Run, { done, total }: { done: number; total: number }): boolean {
  return run.events.events.some((event) => event.type === "progress" && event.phase === "fetch" && event.done === done && event.total === total);
}

import { Fault, type FaultCode } from "#shared/fault";
import { getRevision, type RevisionStatus, readEnv, setAppStatus } from "./apps.ts";
import { DAVIT_API } from "./objects/types.ts";
import { isPinned } from "./objects/workload.ts";
import { ownFault } from "./own-fault.ts";
import { deploy, restore } from "./phases/deploy.ts";
import { fetchSource } from "./phases/fetch.ts";
import { answer } from "./phases/live.ts";
import { stage } from "./phases/stage.ts";
import { resultOf } from "./result.ts";
import { checkpoint, phase, type Run } from "./run.ts";
import { serves } from "./serves.ts";
import { changedSettings, sameEnv } from "./want.ts";

/**
 * One push, from an accepted revision to an answering URL. Every phase may be run again: after a crash the agent
 * starts the story from the top, and what is done already is found done.
 */
export async function push(run: Run): Promise<void> {
  let deploying = false;
  try {
    run.signal.throwIfAborted();
    await fetchSource(run);
    const image = await stage(run);
    if (await servesAlready(run, image)) return await finish(run, { outcome: "unchanged", ...urlOfApp(run) });
    deploying = true;
    await phase(run, "deploy", () => deploy(run, image));
    const url = await phase(run, "live", () => answer(run));
    await succeed(run, image, url);
  } catch (error) {
    if (run.signal.aborted) return await cancelled(run);
    const fault = ownFault(error);
    if (TRANSIENT.has(fault.code) && Date.now() < endOf(run)) throw fault;
    run.log(fault.code === "bug" ? "a push hit a bug" : "a push failed", { revision: run.revision.metadata.name, error });
    if (deploying) await restore(run);
    await finish(run, { outcome: "failed", fault: fault.toWire() });
  }
}

/** A git revision or an image tag is known only now: it may be what serves, and then nothing is done. A tree was compared before. */
async function servesAlready(run: Run, image: string): Promise<boolean> {
  const { kube, app, revision } = run;
  const { source, from, settings, rebuild } = revision.spec;
  if (source.kind === "tree" || from !== undefined || rebuild || app.status?.revision === undefined) return false;
  const serving = await getRevision(kube, app.metadata.namespace, app.metadata.name, app.status.revision);
  // What a tag means may have changed since.
  if (!isPinned(image)) return false;
  if (serving?.status?.image !== image || changedSettings(serving.spec.settings, settings).length > 0) return false;
  if (!sameEnv(await readEnv(kube, serving), await readEnv(kube, revision))) return false;
  return await serves(run, serving, settings);
}

function urlOfApp({ app, certificates }: Run): { url?: string } {
  const { name, namespace } = app.metadata;
  const [route] = app.spec.routes;
  return route === undefined ? {} : { url: certificates.urlOf(namespace, name, route) };
}

/** The world around davit was away: the story is told again from the top. */
const TRANSIENT = new Set<FaultCode>(["cluster_unreachable", "store_unavailable"]);

function endOf(run: Run): number {
  return Date.parse(run.revision.metadata.creationTimestamp ?? "") + run.revision.spec.timeoutSeconds * 1000;
}

/** The agent stops: the push goes on when it is back. Or the app is being deleted: whoever follows is told. */
async function cancelled({ signal, revision, events }: Run): Promise<void> {
  if (!(signal.reason instanceof Fault)) throw signal.reason;
  revision.status = { ...revision.status, outcome: "failed", fault: signal.reason.toWire() };
  await events.end({ type: "done", result: resultOf(revision) });
}

async function succeed(run: Run, image: string, url: string | null): Promise<void> {
  const { app, revision, kube } = run;
  const { name, namespace, labels, finalizers } = app.metadata;
  await kube.apply({
    apiVersion: DAVIT_API,
    kind: "App",
    metadata: { name, namespace, ...(labels ? { labels } : {}), ...(finalizers ? { finalizers } : {}) },
    spec: revision.spec.settings,
  });
  await setAppStatus(kube, app, { revision: revision.spec.number, image, ...(url ? { url } : {}) });
  await finish(run, { outcome: "live", ...(url ? { url } : {}) });
}

/** The status comes before the last event: a log without that is given it from there (agent/runner.ts). */
async function finish(run: Run, ending: Pick<RevisionStatus, "outcome" | "url" | "fault">): Promise<void> {
  await checkpoint(run, { ...ending, endedAt: new Date().toISOString() });
  await run.events.end({ type: "done", result: resultOf(run.revision) });
}

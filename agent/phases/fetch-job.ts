import { Fault } from "#shared/fault";
import { faultOf } from "#shared/kube/fault";
import type { V1Job, V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { lines } from "#shared/lines";
import { proxyTexts } from "#shared/proxy";
import { pause } from "#shared/within";
import { mintFetchToken } from "../api/fetch-token.ts";
import { type FetchOrderText, FetchReport } from "../fetch/order.ts";
import { type GitSource, pickCredential } from "../git-credentials.ts";
import { FETCH_SECONDS, type FetchOptions, fetchJob, fetchLabels, orderSecret } from "../objects/fetch.ts";
import { STAGING, stagingName } from "../objects/meta.ts";
import { AGENT_HOST, ownHosts } from "../own-hosts.ts";
import type { Run } from "../run.ts";
import { freeName, hasEnded, jobPod } from "./job-pod.ts";

const AGENT_URL = `https://${AGENT_HOST}:8443`;
const JOBS = { apiVersion: "batch/v1", kind: "Job", namespace: STAGING };
/** The token outlives the Job that has it, and not by much. */
const TOKEN_SECONDS = FETCH_SECONDS + 600;
const LOG_RETRY_MS = 250;

/** The Pod went away for reasons that are not the repository's: another one can fetch it. */
export class FetchLost extends Fault {
  constructor(reason: string) {
    super("fetch_failed", `the Pod that fetches was lost (${reason})`);
  }
}

/**
 * What the revision's fetch Job reports, to its last word. The Job that is there is taken, whoever made it, and its log
 * is read from the beginning: an agent that was restarted hears everything again.
 * @param source what is to be fetched
 * @throws FetchLost, Fault staging_unschedulable, git_too_large, credential_not_found
 */
export async function* fetchReports(run: Run, source: GitSource): AsyncGenerator<FetchReport> {
  const job = (await presentJob(run)) ?? (await run.kube.create(fetchJob(optionsOf(run), await freeJobName(run))));
  const name = job?.metadata?.name;
  if (!job || !name) throw new FetchLost("its name was taken");
  await run.kube.apply(orderSecret(job, await makeOrder(run, source)));
  const pod = await jobPod(run, name, (found) => hasEnded(found) || Boolean(found.status?.containerStatuses?.[0]?.state?.running));
  yield* readReports(run, pod.metadata?.name ?? "");
}

/** Takes away what the revision's fetch has in the cluster. */
export async function endFetch(run: Run): Promise<void> {
  await run.kube.remove(JOBS, { labels: selectorOf(run) });
}

function optionsOf({ config, revision }: Run): FetchOptions {
  const { spec, metadata } = revision;
  return { namespace: metadata.namespace, app: spec.app, revision: spec.number, agentImage: config.agentImage };
}

function selectorOf(run: Run): string {
  return Object.entries(fetchLabels(optionsOf(run)))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** The Job that fetches, or has fetched; one whose Pod failed tells nothing any more. */
async function presentJob(run: Run): Promise<V1Job | undefined> {
  const jobs = await run.kube.list<V1Job>(JOBS, { labels: selectorOf(run) });
  const job = jobs.find(({ metadata, status }) => !metadata?.deletionTimestamp && !status?.failed);
  return job && { ...job, ...JOBS };
}

/** A name that no Job has, and that of a lost one's order, which goes a moment later, neither. */
async function freeJobName(run: Run): Promise<string> {
  const { namespace, app, revision } = optionsOf(run);
  const kinds = [JOBS, { apiVersion: "v1", kind: "Secret", namespace: STAGING }];
  const taken = await Promise.all(kinds.map((ref) => run.kube.list(ref, { labels: selectorOf(run) })));
  return freeName(`${stagingName(namespace, app)}-f${revision}`, taken.flat());
}

async function makeOrder({ config, registry, revision, kube }: Run, source: GitSource): Promise<FetchOrderText> {
  const { name, namespace } = revision.metadata;
  const token = await mintFetchToken(config.registryKey, { namespace, revision: name }, TOKEN_SECONDS);
  const credential = await pickCredential(kube, namespace, source);
  return {
    url: source.url,
    ...(source.revision === undefined ? {} : { revision: source.revision }),
    ...(credential ? { credential } : {}),
    extraCas: config.extraCas,
    proxies: proxyTexts(config.proxies),
    agent: { url: AGENT_URL, ca: config.ca, token: token.reveal(), namespace },
    refused: ownHosts(registry.host, config.s3.endpoint),
  };
}

/** The Pod's reports, once each, though its log may have to be read several times. */
async function* readReports(run: Run, pod: string): AsyncGenerator<FetchReport> {
  let told = 0;
  for (let death: Fault | undefined; ; await pause(LOG_RETRY_MS, run.signal)) {
    run.signal.throwIfAborted();
    let number = 0;
    for await (const line of readLog(run, pod)) {
      number += 1;
      const report = number > told ? parseReport(line) : undefined;
      told = Math.max(told, number);
      if (report) yield report;
      if (report?.type === "fetched" || report?.type === "failed") return;
    }
    // What it wrote last may have come after the log's end and before its own, so the log is read once more.
    if (death) throw death;
    death = await deathOf(run, pod);
  }
}

async function* readLog(run: Run, pod: string): AsyncGenerator<string> {
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: STAGING, name: pod }, "log");
  const response = await run.kube.fetch(path, { query: { container: "fetch", follow: true }, signal: run.signal });
  if (response.status === 404) return;
  if (!response.ok || !response.body) throw await faultOf(response, `GET ${path}`);
  try {
    yield* lines(response.body);
  } catch (error) {
    run.signal.throwIfAborted();
    run.log("the log of a fetch Pod was cut", { pod, error });
  }
}

function parseReport(line: string): FetchReport | undefined {
  try {
    return FetchReport.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Why nothing more will come from the Pod, if so. */
async function deathOf(run: Run, name: string): Promise<Fault | undefined> {
  const pod = await run.kube.get<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: STAGING, name });
  if (pod && !pod.metadata?.deletionTimestamp && !hasEnded(pod)) return undefined;
  const reason = pod?.status?.containerStatuses?.[0]?.state?.terminated?.reason ?? pod?.status?.reason ?? "deleted";
  if (reason === "OOMKilled") return new Fault("git_too_large", "the fetch ran out of memory: the repository has files too large for it");
  return new FetchLost(reason);
}

import { Fault } from "#shared/fault";
import { faultOf } from "#shared/kube/fault";
import type { V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { lines } from "#shared/lines";
import { proxyTexts } from "#shared/proxy";
import { pause } from "#shared/within";
import { buildEnvironment } from "../build-environment.ts";
import { repositoryOf, type Wire } from "../images/image-registry.ts";
import { STAGING } from "../objects/meta.ts";
import { STAGE_PATHS } from "../objects/staging.ts";
import type { Run } from "../run.ts";
import { type StageOrderText, StageReport } from "../stage/order.ts";
import { hasEnded } from "./job-pod.ts";
import { sourceUrl } from "./source-url.ts";
import type { StagingPod } from "./staging-pod.ts";

const LOG_RETRY_MS = 250;

/**
 * Gives the Pod this revision's order and yields its reports. Giving it twice is giving it once: the Pod knows the
 * build's name, and the log is read from the build's beginning.
 * @throws Fault build_oom, staging_failed when the Pod ends first
 */
export async function* runOrder(run: Run, pod: StagingPod): AsyncGenerator<StageReport> {
  const order = await makeOrder(run);
  const over = new AbortController();
  const signal = AbortSignal.any([run.signal, over.signal]);
  const death = podDeath(run, pod, signal);
  death.catch(() => undefined);
  const reports = readReports(run, pod, order.build, signal);
  try {
    await Promise.race([send(run, pod, order, signal), death]);
    for (;;) {
      const next = await Promise.race([reports.next(), death]);
      if (next.done) throw await death;
      yield next.value;
      if (next.value.type === "built" || next.value.type === "failed") return;
    }
  } finally {
    over.abort();
  }
}

/** Lets a Pod bring the source to its disk, so that the next push finds most of it there. */
export async function sendSource(run: Run, pod: StagingPod): Promise<void> {
  const order = {
    build: `${buildName(run)}-source`,
    source: await sourceUrl(run),
    args: null,
    env: {},
    proxies: proxyTexts(run.config.proxies),
    dockerConfig: "{}",
  };
  const over = new AbortController();
  const signal = AbortSignal.any([run.signal, over.signal]);
  try {
    await send(run, pod, order, signal);
    // What was sent is on its way only: its first report tells that it has come.
    for await (const report of readReports(run, pod, order.build, signal)) if (report.type !== "begun") return;
  } finally {
    over.abort();
  }
}

function buildName(run: Run): string {
  return run.revision.metadata.uid ?? run.revision.metadata.name;
}

async function makeOrder(run: Run): Promise<StageOrderText> {
  const { revision, registry } = run;
  return {
    build: buildName(run),
    source: await sourceUrl(run),
    args: kanikoArgs(run),
    env: buildEnvironment(run.config),
    proxies: proxyTexts(run.config.proxies),
    dockerConfig: await registry.buildLogin(revision.metadata.namespace, revision.spec.app),
  };
}

function kanikoArgs(run: Run): string[] {
  const { config, registry, revision } = run;
  const repository = repositoryOf(registry, revision.metadata.namespace, revision.spec.app);
  return [
    `--context=dir://${STAGE_PATHS.source}`,
    `--destination=${repository}:${revision.spec.number}`,
    `--digest-file=${STAGE_PATHS.run}/digest`,
    ...wireArgs(registry),
    "--cache=true",
    `--cache-repo=${repository}/cache`,
    "--cleanup",
    "--snapshot-mode=redo",
    "--compressed-caching=false",
    "--skip-push-permission-check",
    "--push-retry=2",
    "--log-timestamp=false",
    "--log-format=text",
    ...config.mirrors.flatMap(({ registry, url }) => [
      `--registry-map=${registry === "docker.io" ? "index.docker.io" : registry}=${url.host}`,
      ...(url.protocol === "http:" ? [`--insecure-registry=${url.host}`] : []),
    ]),
    ...Object.entries(revision.spec.buildArgs).map(([name, value]) => `--build-arg=${name}=${value}`),
  ];
}

/** How kaniko trusts the registry. */
function wireArgs({ host, wire }: { host: string; wire: Wire }): string[] {
  if (wire === "public") return [];
  return [wire === "plain" ? `--insecure-registry=${host}` : `--registry-certificate=${host}=${STAGE_PATHS.trust}/registry.crt`];
}

/**
 * Writes the order to the staging container's stdin and waits until it is out.
 * @throws Fault cluster_unreachable when the API server does not connect us to the container
 */
async function send(run: Run, pod: StagingPod, order: StageOrderText, signal: AbortSignal): Promise<void> {
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: STAGING, name: pod.name }, "attach");
  const query = new URLSearchParams({ container: "stage", stdin: "true", stdout: "false", stderr: "false" });
  const socket = await run.kube.webSocket(path, query, ["v5.channel.k8s.io", "v4.channel.k8s.io"]);
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("error", (event) => {
    const { message } = event as ErrorEvent;
    opened.reject(new Fault("cluster_unreachable", `the staging Pod cannot be attached to: ${message}`, { cause: event }));
  });
  if (signal.aborted) socket.close();
  else signal.addEventListener("abort", () => socket.close(), { once: true });
  await opened.promise;
  // Channel 0 is stdin. The first newline ends what an attachment that was cut off may have left there.
  socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(`\n${JSON.stringify(order)}\n`)]));
}

/**
 * The build's reports, once each: when the log's stream is cut it is read again and what was seen is skipped. Kubelet
 * keeps the last 10 MiB of a log readable, so lines may be missing then; how a build ended is told again with its order.
 */
async function* readReports(run: Run, pod: StagingPod, build: string, signal: AbortSignal): AsyncGenerator<StageReport> {
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: STAGING, name: pod.name }, "log");
  const sinceTime = run.revision.metadata.creationTimestamp;
  const isNew = unseen();
  for (; !signal.aborted; await pause(LOG_RETRY_MS, signal)) {
    const response = await run.kube.fetch(path, { query: { container: "stage", follow: true, sinceTime }, signal });
    if (!response.ok || !response.body) throw await faultOf(response, `GET ${path}`);
    try {
      for await (const line of lines(response.body)) {
        const report = StageReport.safeParse(parseLine(line)).data;
        if (report && report.type !== "ready" && report.build === build && isNew(report)) yield report;
      }
    } catch (error) {
      if (signal.aborted) return;
      run.log("the log of a staging Pod was cut", { pod: pod.name, error });
    }
  }
}

/** Whether a report of one build comes for the first time: lines have numbers, of the others there is one each. */
function unseen(): (report: StageReport) => boolean {
  const types = new Set<string>();
  let lastLine = 0;
  return (report) => {
    const known = report.type === "log" ? report.number <= lastLine : types.has(report.type);
    if (report.type === "log") lastLine = Math.max(lastLine, report.number);
    else types.add(report.type);
    return !known;
  };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Rejects when the Pod cannot finish the build any more. */
async function podDeath(run: Run, pod: StagingPod, signal: AbortSignal): Promise<never> {
  const ref = { apiVersion: "v1", kind: "Pod", namespace: STAGING, name: pod.name };
  for await (const event of watch<V1Pod>(run.kube, ref, { signal })) {
    if (event.type === "synced") continue;
    if (event.type === "gone" || event.object.metadata?.deletionTimestamp) throw new PodLost("the staging Pod was deleted during the build");
    if (hasEnded(event.object)) throw deathFault(event.object);
  }
  throw signal.reason;
}

function deathFault(pod: V1Pod): Fault {
  const ended = (pod.status?.containerStatuses ?? []).find((status) => status.state?.terminated);
  const reason = ended?.state?.terminated?.reason ?? pod.status?.reason ?? "unknown";
  if (reason === "OOMKilled" && ended?.name === "kaniko") return new Fault("build_oom", "the build was killed: it ran out of memory");
  return new PodLost(`the staging Pod ended during the build (${ended?.name ?? "Pod"}: ${reason})`);
}

/** The Pod went away for reasons that are not the build's: the build can be had from another Pod. */
export class PodLost extends Fault {
  constructor(message: string) {
    super("staging_failed", message);
  }
}

import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { faultOf } from "#shared/kube/fault";
import type { V1Job, V1Pod, V1PodSpec, V1Secret } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { waitFor, watch } from "#shared/kube/watch";
import { lines } from "#shared/lines";
import { errandPod, neverStarts } from "../install/errand.ts";
import { explain } from "../install/explain.ts";
import { labelled } from "../install/plan.ts";

/** A Job that nobody ends, because davit was killed, ends by itself after this, and goes with its Secret. */
const DEADLINE_SECONDS = 180;
const GONE_MS = 20_000;

/** What runs once in the cluster. */
export interface JobOrder {
  /** Unique in the namespace. */
  name: string;
  namespace: string;
  /** Whose NetworkPolicies count for it. */
  component: "errand" | "staging" | "puller";
  spec: V1PodSpec;
  /** Under the Job's name. */
  secret: Pick<V1Secret, "type" | "data">;
}

/** Jobs that leave nothing behind: at the end they are removed, with Pods and Secrets. */
export class Jobs implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #started: Pick<JobOrder, "name" | "namespace">[] = [];

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  async start({ name, namespace, component, spec, secret }: JobOrder, signal: AbortSignal): Promise<void> {
    const metadata = { name, namespace, labels: { "app.kubernetes.io/component": component } };
    const own = labelled({ apiVersion: "v1", kind: "Secret", metadata, ...secret });
    this.#started.push({ name, namespace });
    await this.#kube.create(own, signal);
    const job: V1Job = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata,
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: DEADLINE_SECONDS,
        ttlSecondsAfterFinished: 60,
        template: { metadata: { labels: labelled({ apiVersion: "v1", kind: "Pod", metadata }).metadata.labels }, spec },
      },
    };
    const made = await this.#kube.create(labelled(job), signal);
    const owner = { apiVersion: "batch/v1", kind: "Job", name, uid: made?.metadata?.uid ?? "" };
    await this.#kube.apply({ ...own, metadata: { ...own.metadata, ownerReferences: [owner] } }, { signal });
  }

  /** The first answer of `pick` over the states of the Job's Pod. */
  async waitForPod<T>(
    { name, namespace }: Pick<JobOrder, "name" | "namespace">,
    pick: (pod: V1Pod) => T | undefined,
    signal: AbortSignal,
  ): Promise<T> {
    const ref = { apiVersion: "v1", kind: "Pod", namespace };
    let last: V1Pod | undefined;
    for await (const event of watch<V1Pod>(this.#kube, ref, { labels: `batch.kubernetes.io/job-name=${name}`, signal })) {
      if (event.type !== "set") continue;
      last = event.object;
      const answer = pick(last);
      if (answer !== undefined) return answer;
    }
    throw new Fault("deadline", `its Pod did not get so far: ${explain(last ? [last] : [], [])}`);
  }

  /** The first line that the Job's Pod prints. @throws Fault preflight_failed when it does not start */
  async firstLine(job: Pick<JobOrder, "name" | "namespace">, signal: AbortSignal): Promise<string> {
    const pod = await this.waitForPod(job, (pod) => (hasStarted(pod) ? pod : undefined), signal);
    const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: job.namespace, name: pod.metadata?.name ?? "" }, "log");
    const response = await this.#kube.fetch(path, { query: { follow: true }, signal });
    if (!response.ok || !response.body) throw await faultOf(response, `GET ${path}`);
    for await (const line of lines(response.body)) return line;
    throw new Fault("kube_refused", "its Pod ended without a word");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((job) => this.#remove(job)));
  }

  /** Waits, because a Pod that pushed an image removes it before it ends. */
  async #remove({ name, namespace }: Pick<JobOrder, "name" | "namespace">): Promise<void> {
    const job = { apiVersion: "batch/v1", kind: "Job", namespace, name };
    await this.#kube.remove(job, { propagation: "Foreground" });
    await this.#kube.remove({ apiVersion: "v1", kind: "Secret", namespace, name });
    await waitFor(this.#kube, job, (seen) => seen === undefined || undefined, AbortSignal.timeout(GONE_MS)).catch(() => {});
  }
}

function hasStarted(pod: V1Pod): boolean {
  if (neverStarts(pod)) throw new Fault("preflight_failed", `davit's image does not run in this cluster: ${explain([pod], [])}`);
  const state = pod.status?.containerStatuses?.[0]?.state;
  return state?.running !== undefined || state?.terminated !== undefined;
}

/** A Pod of the agent's image, as confined as the agent, and without its rights. */
export function programSpec(order: { name: string; program: string; image: string }): V1PodSpec {
  const { spec } = errandPod(order);
  if (!spec) throw new Error("an errand has no Pod");
  return { ...spec, terminationGracePeriodSeconds: 10 };
}

/** A Pod for an image with nothing in it: whether it can be pulled is all that is asked. */
export function pullerSpec(image: string, node: string, name: string): V1PodSpec {
  return {
    nodeName: node,
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 0,
    // Every node may run an app.
    tolerations: [{ operator: "Exists" }],
    securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: "RuntimeDefault" } },
    imagePullSecrets: [{ name }],
    containers: [
      {
        name: "puller",
        image,
        command: ["/nothing"],
        imagePullPolicy: "Always",
        resources: { requests: { cpu: "1m", memory: "8Mi" }, limits: { memory: "16Mi" } },
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      },
    ],
  };
}

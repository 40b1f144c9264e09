import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { faultOf } from "#shared/kube/fault";
import type { V1Deployment, V1Namespace, V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import { lines } from "#shared/lines";
import { explain } from "./explain.ts";
import { secret } from "./made.ts";
import { manifest } from "./manifests.ts";
import { labelled } from "./plan.ts";

/** A program of the agent's image that runs once in the cluster, because only from there it is seen what the agent will see. */
export interface Errand {
  /** Of the Pod and of its Secret, after `davit-`. */
  name: string;
  /** What follows `davit agent`. */
  program: string;
  image: string;
  /** What the program reads; it may hold secrets. */
  order: object;
  /** Told of each line that it prints, as it comes. */
  onLine?: (line: string) => void;
}

const NAMESPACE = "davit";
const GONE_MS = 60_000;
const ORDER_FOLDER = "/etc/davit/order";
/** Why a container of an image that cannot be had does not start; kubelet has tried more than once by then. */
const NO_IMAGE = new Set(["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]);

/**
 * Runs an errand to its end and gives what it printed. Nothing of it stays, nor the namespace, if that was made for it.
 * @throws Fault preflight_failed when it cannot run, bug when it ends badly
 */
export async function runErrand(kube: Kube, errand: Errand, signal: AbortSignal): Promise<string> {
  const namespace = manifest("namespaces").find(({ metadata }) => metadata?.name === NAMESPACE) as V1Namespace;
  const madeNamespace = (await kube.create(labelled(namespace), signal)) !== undefined;
  const name = `davit-${errand.name}`;
  try {
    await clear(kube, name);
    await kube.create(secret(name, "Opaque", { "order.json": JSON.stringify(errand.order) }), signal);
    await kube.create(errandPod(errand), signal);
    const told = errand.onLine ? followLog(kube, name, errand.onLine, signal) : undefined;
    const pod = await ended(kube, name, signal);
    const printed = await printedBy(kube, name);
    // What a stream that was cut off did not bring.
    for (const line of linesOf(printed).slice(await told)) errand.onLine?.(line);
    if (pod.status?.phase === "Succeeded") return printed;
    throw new Fault("bug", `\`davit agent ${errand.program}\` ended badly: ${printed.trim().split("\n").at(-1)}`);
  } finally {
    await clear(kube, name);
    if (madeNamespace) await removeNamespace(kube);
  }
}

/** Waits until it is gone: nothing can be made in one that goes. */
async function removeNamespace(kube: Kube): Promise<void> {
  const namespace = { apiVersion: "v1", kind: "Namespace", name: NAMESPACE };
  await kube.remove(namespace);
  await waitFor(kube, namespace, (seen) => seen === undefined || undefined, AbortSignal.timeout(GONE_MS));
}

async function clear(kube: Kube, name: string): Promise<void> {
  const pod = { apiVersion: "v1", kind: "Pod", namespace: NAMESPACE, name };
  await kube.remove({ ...pod, kind: "Secret" });
  await kube.remove(pod, { graceSeconds: 1 });
  await waitFor(kube, pod, (seen) => seen === undefined || undefined, AbortSignal.timeout(GONE_MS));
}

async function ended(kube: Kube, name: string, signal: AbortSignal): Promise<V1Pod> {
  let last: V1Pod | undefined;
  const ref = { apiVersion: "v1", kind: "Pod", namespace: NAMESPACE, name };
  try {
    return await waitFor<V1Pod, V1Pod>(
      kube,
      ref,
      (pod) => {
        last = pod;
        if (pod && neverStarts(pod)) throw cannotRun(pod);
        return pod?.status?.phase === "Succeeded" || pod?.status?.phase === "Failed" ? pod : undefined;
      },
      signal,
    );
  } catch (error) {
    if (error instanceof Fault || !signal.aborted) throw error;
    throw cannotRun(last);
  }
}

/** Whether the Pod waits for an image that cannot be had. */
export function neverStarts(pod: V1Pod): boolean {
  return NO_IMAGE.has(pod.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "");
}

function cannotRun(pod: V1Pod | undefined): Fault {
  return new Fault("preflight_failed", `davit's image does not run in this cluster, so nothing could be tried out: ${explain(pod ? [pod] : [], [])}`);
}

/** Gives how many lines came. */
async function followLog(kube: Kube, name: string, onLine: (line: string) => void, signal: AbortSignal): Promise<number> {
  const ref = { apiVersion: "v1", kind: "Pod", namespace: NAMESPACE, name };
  let count = 0;
  try {
    await waitFor<V1Pod, boolean>(kube, ref, (pod) => isStarted(pod) || undefined, signal);
    const { body } = await kube.fetch(pathOf(ref, "log"), { query: { follow: true }, signal, patient: true });
    for await (const line of lines(body ?? new Blob().stream())) {
      count++;
      onLine(line);
    }
  } catch {
    // The whole log is read at the end.
  }
  return count;
}

function isStarted(pod: V1Pod | undefined): boolean {
  const { running, terminated } = pod?.status?.containerStatuses?.[0]?.state ?? {};
  return running !== undefined || terminated !== undefined;
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

async function printedBy(kube: Kube, name: string): Promise<string> {
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: NAMESPACE, name }, "log");
  const response = await kube.fetch(path);
  if (!response.ok) throw await faultOf(response, `GET ${path}`);
  return await response.text();
}

/** As confined as the agent, and without its rights. */
export function errandPod({ name, program, image }: Pick<Errand, "name" | "program" | "image">): V1Pod {
  const agent = manifest("agent").find(({ kind }) => kind === "Deployment") as V1Deployment;
  const { securityContext, containers } = agent.spec?.template.spec ?? { containers: [] };
  const [container] = containers;
  return labelled({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `davit-${name}`, namespace: NAMESPACE, labels: { "app.kubernetes.io/component": "errand" } },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(securityContext ? { securityContext } : {}),
      containers: [
        {
          name: "errand",
          image,
          args: ["agent", program],
          ...(container?.resources ? { resources: container.resources } : {}),
          ...(container?.securityContext ? { securityContext: container.securityContext } : {}),
          volumeMounts: [
            { name: "order", mountPath: ORDER_FOLDER, readOnly: true },
            { name: "tmp", mountPath: "/tmp" },
          ],
        },
      ],
      volumes: [
        { name: "order", secret: { secretName: `davit-${name}` } },
        { name: "tmp", emptyDir: {} },
      ],
    },
  });
}

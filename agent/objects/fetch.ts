import type { V1Job, V1Secret } from "#shared/kube/objects";
import { SCRATCH_MIB } from "../fetch/limits.ts";
import type { FetchOrderText } from "../fetch/order.ts";
import { LABEL, STAGING, STAGING_POD, stagingLabels } from "./meta.ts";

/** Paths inside the fetch Pod. */
export const FETCH_PATHS = { order: "/davit/order", scratch: "/davit/scratch" } as const;
/** A fetch that has not ended by itself after so long will not. */
export const FETCH_SECONDS = 900;
/** Its Pod may take so long to start. */
const START_SECONDS = 180;

export interface FetchOptions {
  namespace: string;
  app: string;
  /** The revision's number. */
  revision: number;
  agentImage: string;
}

/** Labels of what a revision's fetch has in the staging namespace. */
export function fetchLabels({ namespace, app, revision }: Omit<FetchOptions, "agentImage">): Record<string, string> {
  return { ...stagingLabels(namespace, app), "app.kubernetes.io/component": "fetch", [LABEL.revision]: String(revision) };
}

/** The Job that fetches a git source. Its Pod is as restricted as a Pod can be: it reads what strangers wrote. */
export function fetchJob(options: FetchOptions, name: string): V1Job {
  const labels = fetchLabels(options);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: STAGING, labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: START_SECONDS + FETCH_SECONDS,
      // An agent that was away for longer fetches again.
      ttlSecondsAfterFinished: 600,
      template: {
        metadata: { labels },
        spec: {
          ...STAGING_POD,
          securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [fetchContainer(options)],
          volumes: [
            { name: "order", secret: { secretName: name, defaultMode: 0o440 } },
            { name: "scratch", emptyDir: { sizeLimit: `${SCRATCH_MIB}Mi` } },
          ],
        },
      },
    },
  };
}

function fetchContainer({ agentImage }: FetchOptions) {
  return {
    name: "fetch",
    image: agentImage,
    args: ["agent", "fetch"],
    volumeMounts: [
      { name: "order", mountPath: FETCH_PATHS.order, readOnly: true },
      { name: "scratch", mountPath: FETCH_PATHS.scratch },
    ],
    resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "1Gi" } },
    securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  };
}

/** The order of a Job, which goes with it. */
export function orderSecret({ metadata }: V1Job, order: FetchOrderText): V1Secret {
  const { name = "", uid = "", labels = {} } = metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: STAGING, labels, ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid }] },
    type: "Opaque",
    data: { "order.json": Buffer.from(JSON.stringify(order)).toString("base64") },
  };
}

import type { V1Job, V1PersistentVolumeClaim } from "#shared/kube/objects";
import { STAGING, STAGING_POD, stagingLabels, stagingName } from "./meta.ts";

/** Paths inside the staging Pod. All below /davit, so that no Dockerfile's own paths are shadowed by a mount. */
export const STAGE_PATHS = {
  volume: "/davit/volume",
  source: "/davit/source",
  run: "/davit/run",
  trust: "/davit/trust",
} as const;

const VOLUME_SIZE = "10Gi";
const SCRATCH_SIZE = "10Gi";
/** A staging Pod waits this long for the app's next push before it ends. */
export const WARM_SECONDS = 600;

export interface StagingOptions {
  namespace: string;
  app: string;
  agentImage: string;
  kanikoImage: string;
  storageClass: string;
}

/**
 * Where a staging Pod keeps the source: on the app's own volume, or, because a volume takes seconds to be provisioned,
 * on the node's disk for as long as the Pod lives.
 */
export type StagingDisk = "volume" | "scratch";

/** The volume that keeps an app's source between pushes, so that hydrating writes only what changed. */
export function stagingVolume(options: StagingOptions): V1PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: stagingName(options.namespace, options.app),
      namespace: STAGING,
      labels: stagingLabels(options.namespace, options.app),
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: VOLUME_SIZE } },
      ...(options.storageClass ? { storageClassName: options.storageClass } : {}),
    },
  };
}

/**
 * The Job whose Pod stages an app. Two containers start side by side, because each container that has to end before
 * another starts costs a second of kubelet's time: `stage` (this binary) hydrates the volume and then tells `kaniko`,
 * which waits at a named pipe, what to build. The Pod stays for the next push. What it holds is worth little: no
 * ServiceAccount token, no S3 key, a registry credential for one repository that lasts minutes.
 */
export function stagingJob(options: StagingOptions, name: string, disk: StagingDisk): V1Job {
  const labels = stagingLabels(options.namespace, options.app);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: STAGING, labels },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: 60,
      template: {
        metadata: { labels },
        spec: {
          ...STAGING_POD,
          securityContext: { fsGroup: 65532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [stageContainer(options), kanikoContainer(options)],
          volumes: [
            disk === "scratch"
              ? { name: "volume", emptyDir: { sizeLimit: SCRATCH_SIZE } }
              : { name: "volume", persistentVolumeClaim: { claimName: stagingName(options.namespace, options.app) } },
            { name: "run", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
            { name: "trust", configMap: { name: "davit-trust" } },
          ],
        },
      },
    },
  };
}

function stageContainer(options: StagingOptions) {
  return {
    name: "stage",
    image: options.agentImage,
    args: ["agent", "stage"],
    stdin: true,
    volumeMounts: [
      { name: "volume", mountPath: STAGE_PATHS.volume },
      { name: "run", mountPath: STAGE_PATHS.run },
      { name: "trust", mountPath: STAGE_PATHS.trust, readOnly: true },
    ],
    resources: { requests: { cpu: "50m", memory: "48Mi" }, limits: { memory: "512Mi" } },
    securityContext: {
      runAsUser: 65532,
      runAsGroup: 65532,
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
    },
  };
}

function kanikoContainer(options: StagingOptions) {
  return {
    name: "kaniko",
    image: options.kanikoImage,
    command: ["/busybox/sh", "-c", KANIKO_LOOP],
    volumeMounts: [
      { name: "volume", mountPath: STAGE_PATHS.source, subPath: "source", readOnly: true },
      { name: "run", mountPath: STAGE_PATHS.run },
      { name: "trust", mountPath: STAGE_PATHS.trust, readOnly: true },
    ],
    resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "4Gi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: {
        drop: ["ALL"],
        add: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID", "SETFCAP", "KILL", "MKNOD", "NET_BIND_SERVICE", "SYS_CHROOT"],
      },
    },
  };
}

/**
 * What the kaniko container runs: it makes the pipes (this image has the tools, the agent's has none), then waits for a
 * line on `next` and runs the script that `stage` has written. The output goes through `output` to `stage`, so that one
 * log holds all of a push in order. When `stage` ends, so does the loop.
 */
const KANIKO_LOOP = `
cd ${STAGE_PATHS.run}
/busybox/mkfifo -m 666 next output ended
: > ready
while read -r build; do
  /busybox/sh build.sh > output 2>&1
  echo "$build $?" > ended
done < next
`.trim();

import { randomBytes } from "node:crypto";
import type { V1Deployment, V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import { kube } from "#test/lab";

const WAIT_MS = 60_000;

/** What a shell command says that looks at the disk of the registry or of the S3 store, at /data, while it is in use. */
async function onDisk(part: "registry" | "s3", command: string): Promise<string> {
  const api = await kube();
  const owner = (await api.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: "davit" }, { labels: `app.kubernetes.io/component=${part}` }))[0];
  const agent = await api.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "davit-agent" });
  const kaniko = agent?.spec?.template.spec?.containers[0]?.env?.find(({ name }) => name === "DAVIT_KANIKO_IMAGE")?.value;
  const ref = { apiVersion: "v1", kind: "Pod", namespace: "davit", name: `look-${randomBytes(3).toString("hex")}` };
  await api.create({
    ...ref,
    metadata: { name: ref.name, namespace: ref.namespace },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      // Such a volume may be mounted on one node only.
      nodeName: owner?.spec?.nodeName,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "look",
          image: kaniko,
          command: ["/busybox/sh", "-c", command],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          volumeMounts: [{ name: "data", mountPath: "/data", readOnly: true }],
        },
      ],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: `${part}-data` } }],
    },
  } as V1Pod);
  try {
    const phase = await waitFor<V1Pod, string>(api, ref, (pod) => ended(pod?.status?.phase), AbortSignal.timeout(WAIT_MS));
    const log = await (await api.fetch(pathOf(ref, "log"))).text();
    if (phase !== "Succeeded") throw new Error(`${command}: ${log}`);
    return log;
  } finally {
    await api.remove(ref);
  }
}

function ended(phase: string | undefined): string | undefined {
  return phase === "Succeeded" || phase === "Failed" ? phase : undefined;
}

/** Files below a folder, by their paths in it. */
export async function filesOnDisk(part: "registry" | "s3", folder: string): Promise<string[]> {
  const found = await onDisk(part, `cd /data/${folder} 2>/dev/null && /busybox/find . -type f | /busybox/sort || true`);
  return found.split("\n").filter((line) => line !== "");
}

/** The same files with the sha256 of each, in hex. */
export async function digestsOnDisk(part: "registry" | "s3", folder: string): Promise<Map<string, string>> {
  const found = await onDisk(part, `cd /data/${folder} && /busybox/find . -type f -exec /busybox/sha256sum {} +`);
  return new Map(found.split("\n").flatMap((line) => (line === "" ? [] : [[line.slice(68), line.slice(0, 64)] as const])));
}

/** The same files with what is in them. */
export async function readDisk(part: "registry" | "s3", folder: string): Promise<{ path: string; content: Uint8Array }[]> {
  const read = 'while read -r file; do echo "$file"; /busybox/base64 "$file" | /busybox/tr -d "\\n"; echo; done';
  const found = await onDisk(part, `cd /data/${folder} && /busybox/find . -type f | ${read}`);
  const lines = found.split("\n");
  return lines.flatMap((path, at) => (at % 2 === 0 && path !== "" ? [{ path, content: Buffer.from(lines[at + 1] ?? "", "base64") }] : []));
}

/** Bytes of all its files. */
export async function diskUsed(part: "registry" | "s3"): Promise<number> {
  const sizes = await onDisk(part, "/busybox/find /data -type f -exec /busybox/stat -c %s {} +");
  return sizes.split("\n").reduce((sum, line) => sum + Number(line || 0), 0);
}

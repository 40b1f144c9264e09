import type { KubeObject, V1PersistentVolumeClaim, V1Pod } from "#shared/kube/objects";
import { formatBytes } from "../../report/units.ts";
import type { World } from "../check.ts";
import { type Finding, ok, problem, warning } from "../finding.ts";

/** How much room there is, as kubelet tells it (stats/summary). */
interface Room {
  capacityBytes?: number;
  availableBytes?: number;
}

interface Summary {
  node?: { fs?: Room };
  pods?: { volume?: (Room & { pvcRef?: { name: string; namespace: string } })[] }[];
}

type Volume = KubeObject & { spec?: { hostPath?: object; local?: object } };

const CLAIMS = { s3: "s3-data", registry: "registry-data" } as const;
const WARN_SHARE = 0.1;
const FAIL_SHARE = 0.02;

/** How much room the S3 store's and the registry's volumes have, as the kubelets of their nodes tell. */
export async function lookAtDisk({ kube, options, signal }: World): Promise<Finding[]> {
  const claims = (["s3", "registry"] as const).filter((part) => !options[part]).map((part) => CLAIMS[part]);
  const pods = await kube.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: "davit" }, { signal });
  return await Promise.all(
    claims.map(async (name) => {
      const node = pods.find((pod) => pod.spec?.nodeName && mounts(pod, name))?.spec?.nodeName;
      if (!node) return warning(`${name}: no Pod has it, so nobody knows how full it is`, "see `davit status`");
      const summary = await kube.json<Summary>(`/api/v1/nodes/${node}/proxy/stats/summary`, { signal });
      return diskVerdict(name, roomOf(name, summary, await volumeOf(kube, name)));
    }),
  );
}

function mounts({ spec }: V1Pod, claim: string): boolean {
  return (spec?.volumes ?? []).some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim);
}

async function volumeOf(kube: World["kube"], name: string): Promise<Volume | undefined> {
  const claim = await kube.get<V1PersistentVolumeClaim>({ apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "davit", name });
  const volume = claim?.spec?.volumeName;
  return volume ? await kube.get<Volume>({ apiVersion: "v1", kind: "PersistentVolume", name: volume }) : undefined;
}

/** The volume's own room; a folder of a node has none of its own but the node's. */
export function roomOf(claim: string, { node, pods = [] }: Summary, volume: Volume | undefined): Room | undefined {
  const told = pods.flatMap(({ volume = [] }) => volume).find(({ pvcRef }) => pvcRef?.namespace === "davit" && pvcRef.name === claim);
  return told ?? (volume?.spec?.hostPath || volume?.spec?.local ? node?.fs : undefined);
}

export function diskVerdict(claim: string, room: Room | undefined): Finding {
  const { availableBytes, capacityBytes } = room ?? {};
  if (availableBytes === undefined || !capacityBytes) return ok(`${claim}: this kind of volume does not tell how full it is`);
  const what = `${claim} has ${formatBytes(availableBytes)} of ${formatBytes(capacityBytes)} left`;
  const fix = `\`davit gc\` frees what is not needed; or enlarge it: kubectl -n davit edit persistentvolumeclaim ${claim}`;
  const share = availableBytes / capacityBytes;
  if (share < FAIL_SHARE) return problem(what, fix);
  return share < WARN_SHARE ? warning(what, fix) : ok(what);
}

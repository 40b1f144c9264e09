import { join } from "node:path";
import type { V1Pod } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { kube } from "./lab.ts";

/** A node of the cluster of scripts/cluster. */
export interface LabNode {
  name: string;
  /** Where its containerd looks for registries, as a folder of this machine. */
  certsDir: string;
}

const CLUSTER = join(import.meta.dir, "..", "..", "scripts", "cluster");
const PULL_MS = 40_000;

/** Lets nodes join, or leave, until there are as many. */
export async function nodes(count: number): Promise<LabNode[]> {
  await run("up", "--nodes", String(count));
  return (JSON.parse(await run("status", "-o", "json")) as { nodes: LabNode[] }).nodes;
}

async function run(command: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn([join(CLUSTER, command), ...args], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`scripts/cluster/${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** Has a node ask the registry for the image, whatever it has of it already; `pulled`, or what kubelet says. */
export async function pull(node: LabNode, namespace: string, image: string): Promise<string> {
  const cluster = await kube();
  const ref = { apiVersion: "v1", kind: "Pod", namespace, name: `pull-${node.name}` };
  const container = { name: "app", image, imagePullPolicy: "Always", command: ["true"] };
  await cluster.create<V1Pod>({
    ...{ apiVersion: ref.apiVersion, kind: ref.kind, metadata: { namespace, name: ref.name } },
    spec: { nodeName: node.name, restartPolicy: "Never", imagePullSecrets: [{ name: "davit-pull" }], containers: [container] },
  });
  try {
    return await waitFor<V1Pod, string>(cluster, ref, outcomeOf, AbortSignal.timeout(PULL_MS));
  } finally {
    await cluster.remove(ref, { graceSeconds: 0 });
    await waitFor(cluster, ref, (pod) => pod === undefined || undefined, AbortSignal.timeout(PULL_MS));
  }
}

/** A first failure may be one of the moment, which kubelet overcomes by itself: only when it waits for its next try is it told. */
function outcomeOf(pod: V1Pod | undefined): string | undefined {
  const { image, imageID, state } = pod?.status?.containerStatuses?.[0] ?? {};
  if (imageID) return "pulled";
  return state?.waiting?.reason === "ImagePullBackOff" ? `${image}: ${state.waiting.message}` : undefined;
}

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CA_FILE, hostsToml } from "#shared/hosts-toml";
import type { V1Pod } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { clusterOf } from "../../scripts/cluster/register.ts";
import { kube } from "./lab.ts";

/** A node of the cluster of scripts/cluster. */
export interface LabNode {
  name: string;
  /** Where its containerd looks for registries, as a folder of this machine. */
  certsDir: string;
}

const CLUSTER = join(import.meta.dir, "..", "..", "scripts", "cluster");
const PULL_MS = 40_000;
/** Nodes have no DNS that knows the lab's domain; they read this machine's file. */
const HOSTS = "/etc/hosts";

/** Lets nodes join, or leave, until there are as many. */
export async function nodes(count: number): Promise<LabNode[]> {
  await run("up", "--nodes", String(count));
  return (JSON.parse(await run("status", "-o", "json")) as { nodes: LabNode[] }).nodes;
}

async function run(command: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn([join(CLUSTER, command), ...args], { env: process.env, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`scripts/cluster/${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** Has nodes find the ingress under this host. */
export function ingressOnNodes(host: string): Disposable {
  const line = `${clusterOf(process.env).net.node} ${host}\n`;
  appendFileSync(HOSTS, line);
  // Tests on another cluster may have written something of their own meanwhile.
  return { [Symbol.dispose]: () => writeFileSync(HOSTS, readFileSync(HOSTS, "utf8").replace(line, "")) };
}

/** Has a node trust the registry behind the ingress. For nodes that is at the usual port: the one in the lab's domain leads there from this machine only. */
export async function trustIngress(certsDir: string, registry: string, ca: string): Promise<void> {
  const address = registry.split(":")[0] ?? "";
  const toml = hostsToml({ registry, address, plainHttp: false }).replace(/^\[host.*$/m, `[host."https://${address}"]`);
  await Promise.all(Object.entries({ [CA_FILE]: ca, "hosts.toml": toml }).map(([name, text]) => Bun.write(join(certsDir, registry, name), text)));
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

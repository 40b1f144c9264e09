import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { cgroupProcesses, removeCgroup } from "./cgroups.ts";
import { attempt } from "./exec.ts";
import { type Layout, MAX_NODES, type Node, nodesOf } from "./layout.ts";
import { putBack } from "./machine.ts";
import { removeLink, removeWayOut } from "./network.ts";
import { kill, killAll, processesIn } from "./processes.ts";
import { Register } from "./register.ts";

/** Leaves nothing but the cache, and what other clusters use. Works from any state, also a half-started or half-removed one. */
export async function down(layout: Layout): Promise<void> {
  await clear(layout);
  await new Register().leave(layout.cluster, putBack);
}

/** Ends and removes the cluster, which keeps its share of the machine's addresses. */
export async function clear(layout: Layout): Promise<void> {
  await kill(layout, "davit-forward");
  // All that there may be, not those on record. The first one last: the others lie within it.
  for (const node of nodesOf(layout, MAX_NODES).reverse()) await removeNode(node);
  await removeWayOut(layout);
}

/** Ends and removes everything that a node is on this machine. */
export async function removeNode(node: Node): Promise<void> {
  await endProcesses(node);
  await removeShimSockets(node);
  await unmountBelow(node.folder);
  await removeCgroup(node);
  await removeLink(node);
  await removeTraces(node);
  await rm(node.folder, { recursive: true, force: true });
}

/** Everything of ours is in our network namespace or in our cgroup; no process id on record is needed, so none can be stale. */
async function endProcesses(node: Node): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const ours = [...new Set([...(await processesIn(node.netns)), ...(await cgroupProcesses(node))])];
    if (ours.length === 0) return;
    await killAll(ours);
  }
}

/** containerd's shims keep their sockets in /run/containerd, a folder that other containerds use as well. */
async function removeShimSockets(node: Node): Promise<void> {
  const tasks = join(node.containerdRun, "io.containerd.runtime.v2.task", "k8s.io");
  for (const id of await readdir(tasks).catch(() => [])) {
    const text = await readFile(join(tasks, id, "bootstrap.json"), "utf8").catch(() => "");
    const socket = /unix:\/\/([^"]+)/.exec(text)?.[1];
    if (socket) await rm(socket, { force: true });
  }
}

async function unmountBelow(folder: string): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
    const points = lines.map((line) =>
      (line.split(" ")[4] ?? "").replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))),
    );
    const ours = points.filter((point) => point.startsWith(`${folder}/`)).reverse();
    if (ours.length === 0) return;
    for (const point of ours) if ((await attempt(["umount", point])).code !== 0) await attempt(["umount", "--lazy", point]);
  }
}

/** Places that the kubelet and the CNI library do not let us choose: where others are at home too, only what is ours is removed. */
async function removeTraces(node: Node): Promise<void> {
  const logs = "/var/log/containers";
  for (const name of await readdir(logs).catch(() => [])) {
    const target = await readlink(join(logs, name)).catch(() => "");
    if (target.startsWith(`${node.podLogs}/`)) await rm(join(logs, name), { force: true });
  }
  const results = "/var/lib/cni/results";
  for (const name of await readdir(results).catch(() => [])) {
    const [network, sandbox] = [name.slice(0, node.namespace.length + 1), name.slice(node.namespace.length + 1).replace(/-eth0$/, "")];
    if (network !== `${node.namespace}-` || !/^[0-9a-f]{64}$/.test(sandbox)) continue;
    for (const file of [name, `cni-loopback-${sandbox}-lo`]) await rm(join(results, file), { force: true });
  }
}

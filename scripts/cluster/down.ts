import { readdir, readFile, readlink, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { cgroupProcesses, removeCgroup } from "./cgroups.ts";
import { attempt } from "./exec.ts";
import type { Layout } from "./layout.ts";
import { quieten, removeNode } from "./node.ts";
import { kill, killAll, processesIn } from "./processes.ts";
import { Register } from "./register.ts";

/** The servers make these whatever their flags say. On a machine with a Kubernetes or containerd of its own they exist already. */
export const strangeFolders = ["/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/run/containerd", "/run/netns"];

/** Leaves nothing but the cache, and what other clusters use. Works from any state, also a half-started or half-removed one. */
export async function down(layout: Layout): Promise<void> {
  await clear(layout);
  await new Register().leave(layout.cluster, async (before) => {
    await quieten(before.quietDevices);
    await removeFolders(before.strangeFolders);
  });
}

/** Ends and removes the cluster, which keeps its share of the machine's addresses. */
export async function clear(layout: Layout): Promise<void> {
  await kill(layout, "davit-forward");
  await endProcesses(layout);
  await removeShimSockets(layout);
  await unmountBelow(layout.state);
  await removeCgroup(layout);
  await removeNode(layout);
  await removeTraces(layout);
  await rm(layout.state, { recursive: true, force: true });
}

/** Everything of ours is in our network namespace or in our cgroup; no process id on record is needed, so none can be stale. */
async function endProcesses(layout: Layout): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const ours = [...new Set([...(await processesIn(layout.netns)), ...(await cgroupProcesses(layout))])];
    if (ours.length === 0) return;
    await killAll(ours);
  }
}

/** containerd's shims keep their sockets in /run/containerd, a folder that other containerds use as well. */
async function removeShimSockets(layout: Layout): Promise<void> {
  const tasks = join(layout.containerdRun, "io.containerd.runtime.v2.task", "k8s.io");
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
async function removeTraces(layout: Layout): Promise<void> {
  const logs = "/var/log/containers";
  for (const name of await readdir(logs).catch(() => [])) {
    const target = await readlink(join(logs, name)).catch(() => "");
    if (target.startsWith(`${layout.state}/`)) await rm(join(logs, name), { force: true });
  }
  const results = "/var/lib/cni/results";
  for (const name of await readdir(results).catch(() => [])) {
    const sandbox = new RegExp(`^${layout.net.namespace}-([0-9a-f]+)-eth0$`).exec(name)?.[1];
    if (sandbox) for (const file of [name, `cni-loopback-${sandbox}-lo`]) await rm(join(results, file), { force: true });
  }
}

/** Those that were not there before the first cluster. */
async function removeFolders(own: readonly string[]): Promise<void> {
  if (own.includes("/var/lib/kubelet")) await rm("/var/lib/kubelet/device-plugins/kubelet.sock", { force: true });
  // Not with all they hold: somebody may have moved in since.
  for (const folder of own) await removeEmpty(folder);
}

async function removeEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (!entries || entries.some((entry) => !entry.isDirectory())) return;
  for (const entry of entries) await removeEmpty(join(folder, entry.name));
  // iproute2 makes its folder a mount of itself.
  if (folder === "/run/netns" && entries.length === 0) await attempt(["umount", folder]);
  await rmdir(folder).catch(() => {});
}

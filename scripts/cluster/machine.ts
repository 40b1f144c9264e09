import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, rmdir, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Machine, reachableResolvers } from "./config.ts";
import { attempt } from "./exec.ts";
import type { Layout } from "./layout.ts";
import { quietDevices, quieten } from "./network.ts";
import type { Before } from "./register.ts";
import { cniBin, mayRaiseOomScore } from "./tools.ts";

/** The servers make these whatever their flags say. On a machine with a Kubernetes or containerd of its own they exist already. */
const strangeFolders = ["/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/run/containerd", "/run/netns"];

/** A cluster's servers watch their files by some twenty instances of inotify, and Linux' usual limit of 128 ends at the sixth cluster. */
const watchLimit = "/proc/sys/fs/inotify/max_user_instances";
const neededWatches = 1024;

/** How this machine is before its first cluster, as far as clusters change it. */
export async function machineBefore(): Promise<Before> {
  const watches = Number(await readFile(watchLimit, "utf8"));
  return { quietDevices: await quietDevices(), strangeFolders: strangeFolders.filter((folder) => !existsSync(folder)), watches };
}

export async function raiseWatchLimit(): Promise<void> {
  if (Number(await readFile(watchLimit, "utf8")) >= neededWatches) return;
  // Where it may not be raised, in a container for example, a few clusters still run.
  await writeFile(watchLimit, String(neededWatches)).catch(() => {});
}

/** Makes the machine as it was, but for what somebody else has changed since. */
export async function putBack({ quietDevices, strangeFolders, watches }: Before): Promise<void> {
  await quieten(quietDevices);
  await removeFolders(strangeFolders);
  if (watches !== undefined && Number(await readFile(watchLimit, "utf8")) === neededWatches)
    await writeFile(watchLimit, String(watches)).catch(() => {});
}

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

export async function inspectMachine(layout: Layout, say: (line: string) => void): Promise<Machine> {
  await mkdir(layout.state, { recursive: true });
  const overlay = 0x794c7630;
  const resolvers = reachableResolvers(resolvConf());
  if (resolvers.length === 0)
    say("no name server in /etc/resolv.conf that Pods can reach (loopback ones they cannot): builds in the cluster will not resolve public names");
  return {
    runc: Bun.which("runc") ?? "/usr/sbin/runc",
    cniBin: cniBin(),
    mayRaiseOomScore: mayRaiseOomScore(),
    // Overlays do not lie on overlays, which is what this machine has when it is itself a container.
    snapshotter: (await statfs(layout.state)).type === overlay ? "native" : "overlayfs",
    resolvers,
  };
}

/** systemd-resolved writes the resolvers behind its own loopback one to a second file. */
function resolvConf(): string {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const usual = read("/etc/resolv.conf");
  return reachableResolvers(usual).length > 0 ? usual : read("/run/systemd/resolve/resolv.conf");
}

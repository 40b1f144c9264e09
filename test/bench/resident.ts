import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { kubeGet } from "./commands.ts";

const MB = 1e6;

/** A process's resident memory in MB: now, or the most there was. @throws Error when there is no such process */
export function residentMb(pid: number, which: "VmRSS" | "VmHWM"): number {
  const kib = new RegExp(`^${which}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has ended`);
  return (Number(kib) * 1024) / MB;
}

/** Lets the kernel forget the most there was; only root may. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** The peak of a child, looked at until it has ended. */
export async function peakOf(child: { pid: number; exited: Promise<number> }): Promise<number> {
  let peak = 0;
  let running = true;
  const ended = child.exited.then(() => {
    running = false;
  });
  while (running) {
    try {
      peak = Math.max(peak, residentMb(child.pid, "VmHWM"));
    } catch {
      // It has just ended; what was seen before stands.
    }
    await Promise.race([ended, Bun.sleep(10)]);
  }
  return peak;
}

/**
 * The agent's process, which has to run on this machine: Pods' processes are in cgroups named after the Pod.
 * @throws Error when it does not
 */
export async function agentProcess(): Promise<number> {
  const selector = "app.kubernetes.io/name=davit,app.kubernetes.io/component=agent";
  const { items } = await kubeGet<{ items: { metadata: { uid: string; deletionTimestamp?: string } }[] }>("-n", "davit", "pod", "-l", selector);
  const uids = items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.uid);
  // The systemd driver of cgroups writes a Pod's id with underscores.
  const names = uids.flatMap((uid) => [`pod${uid}`, `pod${uid.replaceAll("-", "_")}`]);
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const [cgroup, command] = [read(entry, "cgroup"), read(entry, "cmdline")];
    if (command.includes("agent\0serve") && names.some((name) => cgroup.includes(name))) return Number(entry);
  }
  throw new Error("the agent's process is not on this machine, so its memory cannot be measured (with --context, run the bench on its node)");
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

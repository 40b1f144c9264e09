import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Node } from "./layout.ts";

/** The node's folder in every cgroup hierarchy: one with cgroup v2, one per controller with v1. */
async function folders({ cgroup }: Node): Promise<{ path: string; v2: boolean; root: string }[]> {
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  return mounts
    .filter((fields) => fields[2] === "cgroup" || fields[2] === "cgroup2")
    .map((fields) => ({ root: fields[1] ?? "", path: join(fields[1] ?? "", cgroup), v2: fields[2] === "cgroup2" }));
}

/** All Pods of the node live below one group of ours: so they are found again, and ended, whoever lost track of them. */
export async function ensureCgroup(node: Node): Promise<void> {
  for (const { root, path, v2 } of await folders(node)) {
    await mkdir(path, { recursive: true });
    // A v2 hierarchy passes a controller on to a group only when it is told to.
    if (v2)
      for (const above of path
        .slice(root.length + 1)
        .split("/")
        .map((_, depth, parts) => join(root, ...parts.slice(0, depth))))
        for (const controller of ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"])
          await writeFile(join(above, "cgroup.subtree_control"), `+${controller}`).catch(() => {});
  }
}

export async function cgroupProcesses(node: Node): Promise<number[]> {
  const found = new Set<number>();
  for (const { path } of await folders(node)) for (const group of await groupsBelow(path)) for (const pid of await pidsOf(group)) found.add(pid);
  return [...found];
}

/** Removes the groups, deepest first; the kernel gives them free a moment after their last process ended. */
export async function removeCgroup(node: Node): Promise<void> {
  for (const { path } of await folders(node)) {
    for (const group of await groupsBelow(path)) {
      for (let tries = 0; tries < 100 && existsSync(group); tries++) await rmdir(group).catch(() => Bun.sleep(20));
    }
  }
}

async function groupsBelow(path: string): Promise<string[]> {
  if (!existsSync(path)) return [];
  const below = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  return [...(await Promise.all(below.map((entry) => groupsBelow(join(path, entry.name))))).flat(), path];
}

const pidsOf = async (group: string): Promise<number[]> =>
  (await readFile(join(group, "cgroup.procs"), "utf8").catch(() => "")).split("\n").filter(Boolean).map(Number);

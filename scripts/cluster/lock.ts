import { closeSync, fstatSync, openSync, statSync, unlinkSync } from "node:fs";
import { ClusterError } from "./fail.ts";

/** Runs `work` while no other `up`, `down` or `reset` does. The kernel gives the lock back however this process ends. */
export async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const file = acquire(path);
  try {
    return await work();
  } finally {
    unlinkSync(path);
    closeSync(file);
  }
}

function acquire(path: string): number {
  const file = openSync(path, "a+");
  // flock(1) locks the open file it inherits, and that lock lives as long as our own descriptor of it.
  const holder = Bun.spawnSync(["flock", "--exclusive", "--timeout", "600", "3"], { stdio: ["ignore", "ignore", "ignore", file] });
  if (holder.exitCode !== 0) throw new ClusterError("another up, down or reset has been running for 10 minutes: wait for it or end it");
  // Its last holder has removed it: what we hold is a file without a name, which nobody else can find.
  if (fstatSync(file).ino === statSync(path, { throwIfNoEntry: false })?.ino) return file;
  closeSync(file);
  return acquire(path);
}

import { closeSync, fstatSync, openSync, statSync, unlinkSync } from "node:fs";
import { ClusterError } from "./fail.ts";

/** `holder` is who else may have the lock, for the sentence about it; `waiting` is called when it is not to be had at once. */
export type Patience = { holder: string; minutes: number; waiting?: () => void };

const usual: Patience = { holder: "up, down or reset", minutes: 10 };

/** Runs `work` while nobody else has the lock. The kernel gives it back however this process ends. */
export async function locked<T>(path: string, work: () => Promise<T>, patience = usual): Promise<T> {
  const file = acquire(path, patience);
  try {
    return await work();
  } finally {
    unlinkSync(path);
    closeSync(file);
  }
}

function acquire(path: string, { holder, minutes, waiting }: Patience): number {
  const file = openSync(path, "a+");
  if (!flock(file, 0)) {
    waiting?.();
    if (!flock(file, 60 * minutes)) throw new ClusterError(`another ${holder} has been running for ${minutes} minutes: wait for it or end it`);
  }
  // Its last holder has removed it: what we hold is a file without a name, which nobody else can find.
  if (fstatSync(file).ino === statSync(path, { throwIfNoEntry: false })?.ino) return file;
  closeSync(file);
  return acquire(path, { holder, minutes });
}

/** flock(1) locks the open file it inherits, and that lock lives as long as our own descriptor of it. */
function flock(file: number, seconds: number): boolean {
  return Bun.spawnSync(["flock", "--exclusive", "--timeout", String(seconds), "3"], { stdio: ["ignore", "ignore", "ignore", file] }).exitCode === 0;
}

import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

const week = 7 * 24 * 60 * 60 * 1000;

/** The time of a file or folder of the cache is that of its last use. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

/** Other checkouts may need other versions of the same thing, so one goes only after a week in which nobody did. */
export async function removeUnused(folder: string, isVersion: (name: string) => boolean): Promise<void> {
  const before = Date.now() - week;
  for (const name of (await readdir(folder)).filter(isVersion)) {
    const path = join(folder, name);
    if ((await stat(path)).mtimeMs < before) await rm(path, { recursive: true, force: true });
  }
}

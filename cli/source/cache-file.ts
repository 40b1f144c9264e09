import { mkdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "#shared/pack";

/** The file of the user's cache folder that belongs to `key`, among those of one `kind`. */
export function cacheFile(cacheDir: string, kind: string, key: string): string {
  return join(cacheDir, kind, sha256(key));
}

/**
 * Puts `bytes` at `path` so that a reader sees all of the old or all of the new, whoever else writes there at the time.
 * A cache that cannot be written (no space, no home) costs time and nothing else, so that is no error: it returns false.
 */
export function writeCache(path: string, bytes: Uint8Array): boolean {
  const draft = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, bytes, { mode: 0o600 });
    renameSync(draft, path);
    return true;
  } catch {
    discard(draft);
    return false;
  }
}

function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or cannot be removed either: a draft is nobody's cache.
  }
}

import type { GarbageItem } from "#shared/garbage";
import { table } from "./table.ts";
import { formatBytes } from "./units.ts";

/** What garbage collection took, or would take, and how much that is. */
export function garbageLines(items: readonly GarbageItem[], dryRun: boolean): string[] {
  if (items.length === 0) return ["there is no garbage"];
  const rows = items.map(({ what, ref, why, bytes }) => [what, shorten(ref), sizeOf(bytes), why]);
  const freed = formatBytes(totalBytes(items));
  return [...table(["what", "name", "size", "why"], rows), "", dryRun ? `would free ${freed}; nothing was changed` : `freed ${freed}`];
}

/** Why things are kept, or why they would not be. */
export function explainLines(items: readonly GarbageItem[]): string[] {
  const rows = items.map(({ what, ref, action, why, bytes }) => [what, shorten(ref), sizeOf(bytes), action === "keep" ? "kept" : "garbage", why]);
  return table(["what", "name", "size", "is", "why"], rows);
}

export function totalBytes(items: readonly GarbageItem[]): number {
  return items.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
}

function sizeOf(bytes: number | null): string | null {
  return bytes === null ? null : formatBytes(bytes);
}

/** Twelve digits of a digest say as much as all of them; `-o json` has them all, and --explain takes either. */
function shorten(ref: string): string {
  return ref.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1");
}

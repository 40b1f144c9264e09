import type { GarbageItem } from "#shared/garbage";
import { table } from "./table.ts";
import { formatBytes } from "./units.ts";

/** What garbage collection took, or would take, how much that is, and what stays nevertheless. */
export function garbageLines(all: readonly GarbageItem[], dryRun: boolean): string[] {
  const { collect = [], refused = [] } = Object.groupBy(all, ({ action }) => action);
  if (all.length === 0) return ["there is no garbage"];
  return [...(collect.length > 0 ? collectedLines(collect, dryRun) : []), ...(refused.length > 0 ? refusedLines(refused) : [])];
}

function collectedLines(items: readonly GarbageItem[], dryRun: boolean): string[] {
  const rows = items.map(({ what, ref, why, bytes }) => [what, shorten(ref), sizeOf(bytes), why]);
  const freed = formatBytes(totalBytes(items));
  return [...table(["what", "name", "size", "why"], rows), "", dryRun ? `would free ${freed}; nothing was changed` : `freed ${freed}`];
}

/** What stays although it is garbage, how much of it for which reason, and what to do about it. */
function refusedLines(items: readonly GarbageItem[]): string[] {
  const reasons = [...Map.groupBy(items, ({ why }) => why)].map(([why, { length }]) => `  ${length === 1 ? "1 image" : `${length} images`}: ${why}`);
  const next = "let davit's login delete there, or delete them by the registry's own means; `davit gc -o json` names them";
  return ["garbage that stays in the registry:", ...reasons, `next: ${next}`];
}

/** Why things are kept, or why they would not be. */
export function explainLines(items: readonly GarbageItem[]): string[] {
  const rows = items.map(({ what, ref, action, why, bytes }) => [what, shorten(ref), sizeOf(bytes), IS[action], why]);
  return table(["what", "name", "size", "is", "why"], rows);
}

const IS: Record<GarbageItem["action"], string> = { keep: "kept", collect: "garbage", refused: "garbage" };

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

import type { Amount } from "#shared/migration";
import type { Move, Part } from "../migrate/move.ts";
import { count, formatBytes } from "./units.ts";

const THING: Record<Part, string> = { s3: "object", registry: "layer" };

export function progressLine(part: Part, done: Amount, total: Amount): string {
  return `copied ${done.items.toLocaleString("en-US")} of ${count(total.items, THING[part])}, ${formatBytes(done.bytes)} of ${formatBytes(total.bytes)}`;
}

export function plannedLines({ part, from, to }: Move, { items, bytes }: Amount): string[] {
  if (items === 0) return [`nothing would be copied from ${from} to ${to}`];
  return [`${count(items, THING[part])} of ${formatBytes(bytes)} would be copied from ${from} to ${to}, but for what is there already`];
}

export interface Migrated {
  part: Part;
  from: string;
  to: string;
  left: string[];
  warnings: string[];
  oldDeleted: boolean;
}

export function migratedLines({ part, from, to, left, warnings, oldDeleted }: Migrated): string[] {
  const what = part === "s3" ? "sources and logs" : "images";
  const old = oldDeleted ? [] : [`what was before is still there; \`davit migrate ${part} --delete-old\` removes it`];
  if (left.length > 0)
    return [
      `${what} are in ${to} now, but these apps did not come up with it and run as before: ${left.join(", ")}`,
      "next: see why with `davit app show`, then do this once more",
    ];
  return [from === to ? `${what} are in ${to}` : `${what} moved from ${from} to ${to}`, ...warnings, ...old];
}

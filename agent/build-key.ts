import { sha256 } from "#shared/pack";
import type { Revision } from "./objects/types.ts";

/**
 * Names what a build's result depends on: builds with one key give the same image, so the first one's serves for all.
 * 63 characters, because it is a label too.
 */
export function buildKey(spec: Pick<Revision["spec"], "source" | "buildArgs">, kanikoImage: string): string {
  const args = Object.entries(spec.buildArgs).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify([spec.source, args, kanikoImage])).slice(0, 63);
}

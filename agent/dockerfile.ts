import { Fault } from "#shared/fault";
import type { TreeEntry } from "#shared/tree";

/** @throws Fault no_dockerfile */
export function checkDockerfile(tree: readonly TreeEntry[]): void {
  if (tree.some((entry) => entry.path === "Dockerfile" && entry.kind !== "directory")) return;
  throw new Fault("no_dockerfile", "the source has no Dockerfile at its top");
}

import { existsSync } from "node:fs";
import { containerdAnswers, ctr } from "./api.ts";
import { run } from "./exec.ts";
import { ClusterError } from "./fail.ts";
import type { Layout, Node } from "./layout.ts";

/** Puts the archive's images on the nodes and returns their names. */
export async function load(layout: Layout, nodes: readonly Node[], file: string): Promise<string[]> {
  if (!existsSync(file)) throw new ClusterError(`no such file: ${file}`);
  const answers = await Promise.all(nodes.map((node) => containerdAnswers(layout, node)));
  if (!answers.every(Boolean)) throw new ClusterError("the cluster does not run: ./scripts/cluster/up");
  const outs = await Promise.all(nodes.map((node) => run(ctr(layout, node, "images", "import", "--local", file))));
  return [...new Set(outs.flatMap(importedNames))];
}

/** Of ctr's lines: `unpacking NAME (sha256:…)...done`. */
export const importedNames = (out: string): string[] => [...out.matchAll(/^unpacking (\S+) \(/gm)].flatMap((match) => match[1] ?? []);

import { existsSync } from "node:fs";
import { containerdAnswers, ctr } from "./api.ts";
import { run } from "./exec.ts";
import { ClusterError } from "./fail.ts";
import type { Layout } from "./layout.ts";

/** Puts the archive's images on the node and returns their names. */
export async function load(layout: Layout, file: string): Promise<string[]> {
  if (!existsSync(file)) throw new ClusterError(`no such file: ${file}`);
  if (!(await containerdAnswers(layout))) throw new ClusterError("the cluster does not run: ./scripts/cluster/up");
  const out = await run(ctr(layout, "images", "import", "--local", file));
  return importedNames(out);
}

/** Of ctr's lines: `unpacking NAME (sha256:…)...done`. */
export const importedNames = (out: string): string[] => [...out.matchAll(/^unpacking (\S+) \(/gm)].flatMap((match) => match[1] ?? []);

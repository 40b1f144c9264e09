import type { IngressPorts } from "./forward.ts";
import { type Layout, type Node, nodesOf } from "./layout.ts";

/** What `up` found out about this machine and later commands have to know. */
export type Facts = {
  ingress: IngressPorts;
  /** How many nodes the cluster has; one where nothing is said. */
  nodes?: number;
  /** Hash of the add-ons' manifest that was applied. */
  addons?: string;
};

export async function readFacts(layout: Pick<Layout, "facts">): Promise<Facts | undefined> {
  try {
    return (await Bun.file(layout.facts).json()) as Facts;
  } catch {
    return undefined;
  }
}

/** The nodes that the cluster has, or that a first `up` would give it. */
export async function knownNodes(layout: Layout): Promise<Node[]> {
  return nodesOf(layout, (await readFacts(layout))?.nodes ?? 1);
}

export const writeFacts = (layout: Layout, facts: Facts): Promise<number> => Bun.write(layout.facts, JSON.stringify(facts));

import type { IngressPorts } from "./forward.ts";
import type { Layout } from "./layout.ts";

/** What `up` found out about this machine and later commands have to know. */
export type Facts = {
  ingress: IngressPorts;
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

export const writeFacts = (layout: Layout, facts: Facts): Promise<number> => Bun.write(layout.facts, JSON.stringify(facts));

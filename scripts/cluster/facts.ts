import type { IngressPorts } from "./forward.ts";
import type { Layout } from "./layout.ts";

/** What `up` found out about this machine and later commands have to know. */
export type Facts = {
  ingress: IngressPorts;
  /** Interfaces that did not forward before. */
  quietDevices: string[];
  /** Folders outside ours that some server insists on and that were not there before: `down` removes them. */
  strangeFolders: string[];
  /** Hash of the add-ons' manifest that was applied. */
  addons?: string;
};

/** The servers make these whatever their flags say. On a machine with a Kubernetes or containerd of its own they exist already. */
export const strangeFolders = ["/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/run/containerd", "/run/netns"];

export async function readFacts(layout: Layout): Promise<Facts | undefined> {
  try {
    return (await Bun.file(layout.facts).json()) as Facts;
  } catch {
    return undefined;
  }
}

export const writeFacts = (layout: Layout, facts: Facts): Promise<number> => Bun.write(layout.facts, JSON.stringify(facts));

import { z } from "zod";
import { Fault } from "#shared/fault";
import type { V1Service } from "#shared/kube/objects";
import type { InstalledOptions } from "./options.ts";

/**
 * How nodes come to pull from the registry. `daemonset`: one on each node writes the registry's CA to containerd's certs.d.
 * `public`: by an ingress, with a certificate that they trust anyway. `manual`: the admin has them trust it.
 * `insecure-nodeport`: in clear, from the node's own loopback.
 */
export const NodeTrust = z.enum(["daemonset", "public", "manual", "insecure-nodeport"]);
export type NodeTrust = z.infer<typeof NodeTrust>;

/** The file under manifests/ with a way by which nodes pull from the gate's second port; undefined: they come by the first. */
export function secondWayOf({ nodeTrust }: { nodeTrust: NodeTrust }): "registryPublic" | "registryNodeport" | undefined {
  return nodeTrust === "public" ? "registryPublic" : nodeTrust === "insecure-nodeport" ? "registryNodeport" : undefined;
}

/** @throws Fault usage for no mode, and for one that the registry, or what leads to it, cannot have */
export function checkNodeTrust(text: string, { registry, gateway }: Pick<InstalledOptions, "registry" | "gateway">): NodeTrust {
  const { data } = NodeTrust.safeParse(text);
  if (!data) throw usage(`--node-trust is one of ${NodeTrust.options.join(", ")}`);
  if (registry && secondWayOf({ nodeTrust: data })) throw usage(`--node-trust ${data} is for the built-in registry only`);
  if (gateway && data === "public") throw usage("--node-trust public goes by an ingress, not by a Gateway");
  return data;
}

function usage(message: string): Fault {
  return new Fault("usage", message, { details: { flag: "--node-trust" } });
}

const NOTES: Partial<Record<NodeTrust, string>> = {
  public:
    "nodes pull from the host 'registry' below the domain: it has to lead them to the ingress, and they have to trust its certificate (docs/nodes.md)",
  manual: "nodes pull once they trust the registry's CA: `davit doctor --print-trust` prints what to put where",
  "insecure-nodeport":
    "warning: nodes pull images unencrypted: whoever is on the network between them reads images and the namespaces' pull credentials",
};

/** What is said at each installation of how nodes pull. */
export function nodeTrustNotes({ nodeTrust }: { nodeTrust: NodeTrust }): string[] {
  const note = NOTES[nodeTrust];
  return note === undefined ? [] : [note];
}

/** `127.0.0.1:PORT`, as nodes call the registry that they reach by this Service. */
export function nodePortHost(service: V1Service | undefined): string | undefined {
  const port = service?.spec?.ports?.[0]?.nodePort;
  return port === undefined ? undefined : `127.0.0.1:${port}`;
}

import { z } from "zod";
import { Fault } from "#shared/fault";
import type { V1Service } from "#shared/kube/objects";
import type { ExternalRegistry } from "./external.ts";

/**
 * How nodes come to pull from the registry. `daemonset`: one on each node writes the registry's CA to containerd's certs.d.
 * `manual`: the admin has them trust it. `insecure-nodeport`: in clear, from the node's own loopback.
 */
export const NodeTrust = z.enum(["daemonset", "manual", "insecure-nodeport"]);
export type NodeTrust = z.infer<typeof NodeTrust>;

/** @throws Fault usage for no mode, and for one that the registry cannot have */
export function checkNodeTrust(text: string, registry: ExternalRegistry | undefined): NodeTrust {
  const { data } = NodeTrust.safeParse(text);
  if (!data) throw usage(`--node-trust is one of ${NodeTrust.options.join(", ")}`);
  if (data === "insecure-nodeport" && registry) throw usage("--node-trust insecure-nodeport is for the built-in registry only");
  return data;
}

function usage(message: string): Fault {
  return new Fault("usage", message, { details: { flag: "--node-trust" } });
}

const NOTES: Partial<Record<NodeTrust, string>> = {
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

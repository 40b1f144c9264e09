import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getJson } from "./api.ts";
import certificatesYaml from "./certificates.yaml" with { type: "text" };
import { domain, type Layout, nodeOf } from "./layout.ts";
import type { Archive } from "./oci.ts";
import systemYaml from "./system.yaml" with { type: "text" };

/** The manifest of DNS, ingress, storage and certificates for this machine. Another one of the `images` makes new Pods, as a new tag would. */
export function addonManifest(layout: Layout, resolvers: readonly string[], images: readonly Archive[]): string {
  const read = (file: string): string => readFileSync(join(layout.pki, file), "utf8");
  const base64 = (file: string): string => Buffer.from(read(file)).toString("base64");
  const template = [systemYaml, certificatesYaml].join("\n---\n");
  const reasons = [template, ...resolvers, ...images.map(({ digest }) => digest)];
  const values: Record<string, string> = {
    DOMAIN: domain,
    NODE: layout.net.node,
    DNS_SERVICE: layout.net.dnsService,
    VOLUMES: nodeOf(layout, 1).volumes,
    FORWARD: resolvers.length > 0 ? `forward . ${resolvers.join(" ")}` : "# no resolver that Pods can reach",
    CONFIG_HASH: `"${manifestHash(reasons.join(" "))}"`,
    INGRESS_CERTIFICATE: base64("ingress.crt"),
    INGRESS_KEY: base64("ingress.key"),
    PEBBLE_CA: JSON.stringify(read("pebble.crt")),
    PEBBLE_CERTIFICATE: base64("pebble.crt"),
    PEBBLE_KEY: base64("pebble.key"),
  };
  return fill(template, values);
}

export const manifestHash = (manifest: string): string => createHash("sha256").update(manifest).digest("hex").slice(0, 16);

/** Names that are not ours (a shell's own variables) stay. */
export const fill = (template: string, values: Record<string, string>): string =>
  template.replace(/\$([A-Z_]+)/g, (whole, name: string) => values[name] ?? whole);

export type Addon = { name: string; namespace: string; kind: "deployments" | "daemonsets" };
export const addons: Addon[] = [
  { name: "coredns", namespace: "kube-system", kind: "deployments" },
  { name: "traefik", namespace: "kube-system", kind: "daemonsets" },
  { name: "local-path", namespace: "kube-system", kind: "deployments" },
  { name: "cert-manager", namespace: "cert-manager", kind: "deployments" },
  { name: "pebble", namespace: "pebble", kind: "deployments" },
];

type Workload = {
  metadata: { generation: number };
  status?: {
    observedGeneration?: number;
    readyReplicas?: number;
    updatedReplicas?: number;
    replicas?: number;
    desiredNumberScheduled?: number;
    numberReady?: number;
    updatedNumberScheduled?: number;
  };
};

/** Whether its Pods of the newest version answer, and no older one is left. */
export async function addonReady(layout: Layout, { kind, namespace, name }: Addon): Promise<boolean> {
  const found = (await getJson(layout, `/apis/apps/v1/namespaces/${namespace}/${kind}/${name}`)) as Workload | undefined;
  const status = found?.status;
  if (!found || !status || status.observedGeneration !== found.metadata.generation) return false;
  if (kind === "daemonsets") {
    const { desiredNumberScheduled: desired, numberReady, updatedNumberScheduled } = status;
    return desired !== undefined && desired > 0 && numberReady === desired && updatedNumberScheduled === desired;
  }
  return status.readyReplicas === 1 && status.updatedReplicas === 1 && status.replicas === 1;
}

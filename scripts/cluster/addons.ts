import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getJson } from "./api.ts";
import { domain, type Layout } from "./layout.ts";
import systemYaml from "./system.yaml" with { type: "text" };

/** The manifest of DNS, ingress and storage for this machine. */
export function addonManifest(layout: Layout, resolvers: readonly string[], template = String(systemYaml)): string {
  const base64 = (file: string): string => readFileSync(join(layout.pki, file)).toString("base64");
  const values: Record<string, string> = {
    DOMAIN: domain,
    NODE: layout.net.node,
    DNS_SERVICE: layout.net.dnsService,
    VOLUMES: layout.volumes,
    FORWARD: resolvers.length > 0 ? `forward . ${resolvers.join(" ")}` : "# no resolver that Pods can reach",
    CONFIG_HASH: `"${manifestHash(template + resolvers.join(" "))}"`,
    INGRESS_CERTIFICATE: base64("ingress.crt"),
    INGRESS_KEY: base64("ingress.key"),
  };
  return fill(template, values);
}

export const manifestHash = (manifest: string): string => createHash("sha256").update(manifest).digest("hex").slice(0, 16);

/** Names that are not ours (a shell's own variables) stay. */
export const fill = (template: string, values: Record<string, string>): string =>
  template.replace(/\$([A-Z_]+)/g, (whole, name: string) => values[name] ?? whole);

export type Addon = { name: string; kind: "deployments" | "daemonsets" };
export const addons: Addon[] = [
  { name: "coredns", kind: "deployments" },
  { name: "traefik", kind: "daemonsets" },
  { name: "local-path", kind: "deployments" },
];

type Workload = {
  metadata: { generation: number };
  status?: {
    observedGeneration?: number;
    readyReplicas?: number;
    updatedReplicas?: number;
    replicas?: number;
    numberReady?: number;
    updatedNumberScheduled?: number;
  };
};

/** Whether its Pods of the newest version answer, and no older one is left. */
export async function addonReady(layout: Layout, { kind, name }: Addon): Promise<boolean> {
  const found = (await getJson(layout, `/apis/apps/v1/namespaces/kube-system/${kind}/${name}`)) as Workload | undefined;
  const status = found?.status;
  if (!found || !status || status.observedGeneration !== found.metadata.generation) return false;
  if (kind === "daemonsets") return status.numberReady === 1 && status.updatedNumberScheduled === 1;
  return status.readyReplicas === 1 && status.updatedReplicas === 1 && status.replicas === 1;
}

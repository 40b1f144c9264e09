import { CertificatePlan } from "#shared/certificates";
import { Fault } from "#shared/fault";
import { gatewayName } from "#shared/gateway";
import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap, V1DaemonSet, V1Deployment } from "#shared/kube/objects";
import { certificatesIn, fingerprintOf } from "#shared/tls/certificate";
import { COMPONENTS, componentRef, componentsOf } from "./components.ts";
import { installedOptions } from "./installed.ts";
import type { NodeTrust } from "./node-trust.ts";
import { agentUrl, envOf, urlBelow } from "./options.ts";
import { describeCertificate, type OwnCertificate, ownCertificates } from "./own-certificates.ts";
import { registryName } from "./places.ts";
import { look } from "./wait.ts";

const TRUST = { apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" };

/** One component as `davit status` shows it. */
export interface ComponentStatus {
  name: string;
  ready: number;
  desired: number;
  healthy: boolean;
  version: string;
  images: string[];
  /** RFC 3339. */
  createdAt: string;
  reason?: string;
}

export interface Status {
  healthy: boolean;
  version: string;
  domain: string;
  /** The agent's, for `davit login`. */
  url: string;
  /** Fingerprints of the CAs that sign davit's certificates, for who is asked whether one is right. */
  ca: string[];
  /** What the URLs of apps look like. */
  apps: string;
  /** By what requests come: `ingress`, or what the Gateway is called. */
  entry: string;
  /** Where sources and images are: `built-in`, or what the external place is called. */
  s3: string;
  registry: string;
  /** How nodes come to pull from the registry. */
  nodeTrust: NodeTrust;
  certificates: OwnCertificate[];
  components: ComponentStatus[];
}

const BUILT_IN = "built-in";

/** @throws Fault not_installed when there is none of it */
export async function status(kube: Kube): Promise<Status> {
  const [options, trust] = await Promise.all([installedOptions(kube), kube.get<V1ConfigMap>(TRUST)]);
  const { view, states } = await look(kube, componentsOf(options));
  const components = states.map(({ name, done, ...state }) => ({ name, healthy: done, ...state, ...described(view.get(componentRef(name))) }));
  if (COMPONENTS.every(({ ref }) => !view.get(ref)))
    throw new Fault("not_installed", "davit is not installed in this cluster; `davit install` does that");
  const env = envOf(view.get(componentRef("agent")) as V1Deployment | undefined);
  const domain = env.DAVIT_DOMAIN ?? "";
  return {
    healthy: components.every((component) => component.healthy),
    version: components.find((component) => component.name === "agent")?.version ?? "",
    domain,
    url: domain ? agentUrl(domain) : "",
    ca: certificatesIn(trust?.data?.["ca.crt"] ?? "").map(fingerprintOf),
    apps: domain ? urlBelow(domain, "NAME") : "",
    entry: options.gateway ? gatewayName(options.gateway) : "ingress",
    s3: options.s3 ? `${options.s3.endpoint}/${options.s3.bucket}` : BUILT_IN,
    registry: options.registry ? registryName(options.registry) : BUILT_IN,
    nodeTrust: options.nodeTrust ?? "daemonset",
    certificates: env.DAVIT_CERTIFICATES ? await ownCertificates(kube, options, CertificatePlan.parse(JSON.parse(env.DAVIT_CERTIFICATES))) : [],
    components,
  };
}

function described(object: unknown): Pick<ComponentStatus, "version" | "images" | "createdAt"> {
  const { metadata, spec } = (object ?? {}) as V1Deployment | V1DaemonSet;
  return {
    version: metadata?.labels?.["app.kubernetes.io/version"] ?? "",
    images: [...new Set(spec?.template?.spec?.containers.map((container) => container.image ?? "") ?? [])],
    createdAt: metadata?.creationTimestamp ? new Date(metadata.creationTimestamp).toISOString() : "",
  };
}

/** The status as a table for people; `now` for the ages. */
export function renderStatus(found: Status, now = new Date()): string {
  const rows = found.components.map((one) => [one.name, `${one.ready}/${one.desired}`, one.version, ageOf(one.createdAt, now), one.images.join(" ")]);
  const table = columns([["COMPONENT", "READY", "VERSION", "AGE", "IMAGES"], ...rows]);
  const reasons = found.components.flatMap((one) => (one.reason ? [`${one.name}: ${one.reason}`] : []));
  const external = [
    ["s3", found.s3],
    ["registry", found.registry],
  ].filter(([, where]) => where !== BUILT_IN);
  const entry = found.entry === "ingress" ? [] : [["entry", found.entry]];
  const pulls = found.nodeTrust === "insecure-nodeport" ? [["pulls", "unencrypted (--node-trust insecure-nodeport)"]] : [];
  const certificates = found.certificates.map((one) => ["certificate", describeCertificate(one)]);
  const cas = found.ca.map((fingerprint) => ["ca", fingerprint]);
  const head = columns([
    ["agent", found.url || "unknown"],
    ...cas,
    ["apps", found.apps || "unknown"],
    ...entry,
    ...external,
    ...pulls,
    ...certificates,
  ]);
  return [...head, "", ...table, ...(reasons.length > 0 ? ["", ...reasons] : [])].join("\n");
}

function columns(rows: string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** The largest unit that fits: `5m`, `3h`, `2d`. */
function ageOf(createdAt: string, now: Date): string {
  const seconds = createdAt ? Math.max(0, Math.floor((now.getTime() - Date.parse(createdAt)) / 1000)) : undefined;
  if (seconds === undefined) return "-";
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

import { isIP } from "node:net";
import { z } from "zod";
import { ImageRef } from "#shared/app";
import { Fault } from "#shared/fault";
import { GatewayRef } from "#shared/gateway";
import type { V1DaemonSet, V1Deployment } from "#shared/kube/objects";
import { VERSION } from "#shared/version";
import { ExternalRegistry, ExternalS3, type RegistryFlags, resolveRegistry, resolveS3, type S3Flags } from "./external.ts";
import { resolveGateway } from "./gateway-ref.ts";
import { IssuerChoice, type IssuerFlags, resolveIssuer } from "./issuer.ts";
import { checkNodeTrust, NodeTrust } from "./node-trust.ts";

/**
 * The images of a release, which its own registry serves. `s3` is Versity S3 Gateway, `registry` is distribution, `kaniko` is
 * the variant with a shell (busybox), which the staging Pod's loop needs. Each image's entrypoint is its program.
 */
export const PUBLISHED_IMAGES = {
  agent: `ghcr.io/davit-dev/davit:${VERSION}`,
  s3: "ghcr.io/davit-dev/versitygw:1.7.0",
  registry: "ghcr.io/davit-dev/distribution:3.1.1",
  kaniko: "ghcr.io/davit-dev/kaniko:1.24.0-debug",
} as const;

const KEEP_REVISIONS = 10;

/** What an installation is made with. It is kept in the cluster (installed.ts), so that the next one goes on from it. */
export const InstallOptions = z.object({
  /** Apps get `<name>.<domain>`; a port, that of https, shows only in URLs. */
  domain: z.string(),
  /** Empty: the cluster's default. */
  ingressClass: z.string(),
  /** Absent: an ingress. */
  gateway: GatewayRef.optional(),
  /** Empty: the cluster's default. */
  storageClass: z.string(),
  images: z.object({ agent: z.string(), s3: z.string(), registry: z.string(), kaniko: z.string() }),
  /** Revisions that garbage collection leaves of each app. */
  keepRevisions: z.number(),
  /** `HOST=URL` each. */
  mirrors: z.array(z.string()),
  /** Empty: found by looking at the nodes. */
  certsDirs: z.array(z.string()),
  /** Ranges of the Pods' addresses; empty: those that the nodes tell. */
  podCidrs: z.array(z.string()),
  nodeTrust: NodeTrust,
  /** Absent: the built-in one. */
  s3: ExternalS3.optional(),
  /** Absent: the built-in one. */
  registry: ExternalRegistry.optional(),
  /** Absent: davit's own CA. */
  issuer: IssuerChoice.optional(),
  /** PEM of CAs that davit and builds trust besides the well-known ones. Absent or empty: none. */
  trustCa: z.string().optional(),
  /** The registry before the last `davit migrate registry`, until its rest is removed: nodes may pull from it still. */
  formerRegistry: z.union([z.literal("built-in"), ExternalRegistry]).optional(),
});
export type InstallOptions = z.infer<typeof InstallOptions>;
/** What is known of an installation: an older one lacks the options that came later. */
export type InstalledOptions = { [Key in keyof InstallOptions]?: InstallOptions[Key] | undefined };
export type Images = InstallOptions["images"];

/** What was said on the command line; undefined or empty: not said. */
export interface InstallFlags {
  domain?: string | undefined;
  ingressClass?: string | undefined;
  /** Empty: none. */
  gateway?: string | undefined;
  storageClass?: string | undefined;
  keepRevisions?: number | undefined;
  images: Partial<Record<keyof Images, string | undefined>>;
  mirrors: string[];
  certsDirs: string[];
  podCidrs: string[];
  nodeTrust?: string | undefined;
  s3?: S3Flags;
  registry?: RegistryFlags;
  issuer?: IssuerFlags;
  trustCa?: string | undefined;
}

/**
 * The options: a flag wins over what is installed, that over the default. Images are the exception: they belong to a version
 * of davit, so without a flag they are this version's.
 * @throws Fault usage for a value that cannot be meant
 */
export function resolveOptions(flags: InstallFlags, installed: InstalledOptions): InstallOptions {
  const s3 = resolveS3(flags.s3 ?? {}, installed.s3);
  const registry = resolveRegistry(flags.registry ?? {}, installed.registry);
  const gateway = resolveGateway(flags.gateway, installed.gateway);
  const issuer = resolveIssuer(flags.issuer ?? {}, installed.issuer);
  const trustCa = flags.trustCa ?? installed.trustCa;
  const images = Object.fromEntries(Object.entries(PUBLISHED_IMAGES).map(([name, image]) => [name, flags.images[name as keyof Images] ?? image]));
  return {
    domain: checkDomain(flags.domain ?? installed.domain ?? ""),
    ingressClass: checkClass("--route-class", flags.ingressClass ?? installed.ingressClass ?? ""),
    storageClass: checkClass("--storage-class", flags.storageClass ?? installed.storageClass ?? ""),
    images: checkImages(images as Images),
    keepRevisions: flags.keepRevisions ?? installed.keepRevisions ?? KEEP_REVISIONS,
    mirrors: (flags.mirrors.length > 0 ? flags.mirrors : (installed.mirrors ?? [])).map(checkMirror),
    certsDirs: (flags.certsDirs.length > 0 ? flags.certsDirs : (installed.certsDirs ?? [])).map(checkFolder),
    podCidrs: (flags.podCidrs.length > 0 ? flags.podCidrs : (installed.podCidrs ?? [])).map(checkCidr),
    nodeTrust: checkNodeTrust(flags.nodeTrust ?? installed.nodeTrust ?? "daemonset", { registry, gateway }),
    ...(gateway ? { gateway } : {}),
    ...(s3 ? { s3 } : {}),
    ...(registry ? { registry } : {}),
    ...(issuer ? { issuer } : {}),
    ...(trustCa ? { trustCa } : {}),
    ...(installed.formerRegistry ? { formerRegistry: installed.formerRegistry } : {}),
  };
}

export function envOf(object: V1Deployment | V1DaemonSet | undefined): Record<string, string> {
  const env = object?.spec?.template?.spec?.containers[0]?.env ?? [];
  return Object.fromEntries(env.map((entry) => [entry.name, entry.value ?? ""]));
}

/** The host of a domain that may have a port. */
export function hostOf(domain: string): string {
  return domain.split(":")[0] ?? domain;
}

/** Where a person or CI logs in. */
export function agentUrl(domain: string): string {
  return urlBelow(domain, "davit");
}

/** The URL of what `name` is called below a domain that may have a port. */
export function urlBelow(domain: string, name: string): string {
  return `https://${name}.${domain}`;
}

export function agentHost(domain: string): string {
  return `davit.${hostOf(domain)}`;
}

function checkDomain(domain: string): string {
  const ok = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?$/.test(domain) && domain.length <= 200;
  if (domain !== "" && !ok) throw new Fault("usage", `--domain '${domain}' is no DNS name; give one such as apps.example.com`);
  return domain;
}

function checkClass(flag: string, name: string): string {
  const ok = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(name) && name.length <= 253;
  if (name !== "" && !ok) throw new Fault("usage", `${flag} has to be the name of one in the cluster: lower-case letters, digits, '-' and '.'`);
  return name;
}

function checkImages(images: Images): Images {
  for (const [name, image] of Object.entries(images)) {
    const parsed = ImageRef.safeParse(image);
    if (!parsed.success) throw new Fault("usage", `--${name}-image ${parsed.error.issues[0]?.message}`);
  }
  return images;
}

function checkMirror(text: string): string {
  const cut = text.indexOf("=");
  const url = URL.parse(text.slice(cut + 1));
  const good = cut > 0 && !text.includes(",") && (url?.protocol === "http:" || url?.protocol === "https:");
  if (!good) throw new Fault("usage", `--registry-mirror takes HOST=URL, for example docker.io=https://mirror.example.com`);
  return text;
}

function checkCidr(cidr: string): string {
  const [address = "", prefix = ""] = cidr.split("/");
  const good = /^\d{1,3}$/.test(prefix) && Number(prefix) > 0 && Number(prefix) <= (isIP(address) === 6 ? 128 : 32);
  if (isIP(address) === 0 || !good) throw new Fault("usage", `--pod-cidr '${cidr}' is no range of addresses; for example 10.244.0.0/16`);
  return cidr;
}

function checkFolder(path: string): string {
  if (!/^\/[^:\s]+$/.test(path)) throw new Fault("usage", `--certs-dir '${path}' is no absolute path; for example /etc/containerd/certs.d`);
  return path.replace(/\/+$/, "");
}

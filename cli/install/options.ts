import { Fault } from "#shared/fault";
import type { V1DaemonSet, V1Deployment } from "#shared/kube/objects";
import { VERSION } from "#shared/version";

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

export type Images = Record<keyof typeof PUBLISHED_IMAGES, string>;

export interface InstallOptions {
  /** Apps get `<name>.<domain>`; a port shows only in the URLs of apps. */
  domain: string;
  /** Empty: the cluster's default. */
  ingressClass: string;
  /** Empty: the cluster's default. */
  storageClass: string;
  images: Images;
  /** Revisions that garbage collection leaves of each app. */
  keepRevisions: number;
  /** `HOST=URL` each. */
  mirrors: string[];
  /** Empty: found by looking at the nodes. */
  certsDirs: string[];
}

/** What was said on the command line; undefined or empty: not said. */
export interface InstallFlags {
  domain?: string | undefined;
  ingressClass?: string | undefined;
  storageClass?: string | undefined;
  keepRevisions?: number | undefined;
  images: Partial<Record<keyof Images, string | undefined>>;
  mirrors: string[];
  certsDirs: string[];
}

/**
 * The options: a flag wins over what is installed, that over the default. Images are the exception: they belong to a version
 * of davit, so without a flag they are this version's.
 * @throws Fault usage for a value that cannot be meant
 */
export function resolveOptions(flags: InstallFlags, installed: Partial<InstallOptions>): InstallOptions {
  const images = Object.fromEntries(Object.entries(PUBLISHED_IMAGES).map(([name, image]) => [name, flags.images[name as keyof Images] ?? image]));
  return {
    domain: checkDomain(flags.domain ?? installed.domain ?? ""),
    ingressClass: flags.ingressClass ?? installed.ingressClass ?? "",
    storageClass: flags.storageClass ?? installed.storageClass ?? "",
    images: images as Images,
    keepRevisions: flags.keepRevisions ?? installed.keepRevisions ?? KEEP_REVISIONS,
    mirrors: (flags.mirrors.length > 0 ? flags.mirrors : (installed.mirrors ?? [])).map(checkMirror),
    certsDirs: (flags.certsDirs.length > 0 ? flags.certsDirs : (installed.certsDirs ?? [])).map(checkFolder),
  };
}

/** The options an installation was made with, as its objects tell; nothing installed: nothing known. */
export function installedOptions(agent: V1Deployment | undefined, nodeTrust: V1DaemonSet | undefined): Partial<InstallOptions> {
  const agentEnv = envOf(agent);
  if (!agentEnv.DAVIT_DOMAIN) return {};
  return {
    domain: agentEnv.DAVIT_DOMAIN,
    ingressClass: agentEnv.DAVIT_INGRESS_CLASS ?? "",
    storageClass: agentEnv.DAVIT_STORAGE_CLASS ?? "",
    keepRevisions: Number(agentEnv.DAVIT_KEEP_REVISIONS || KEEP_REVISIONS),
    mirrors: (agentEnv.DAVIT_REGISTRY_MIRRORS ?? "").split(",").filter(Boolean),
    certsDirs: (envOf(nodeTrust).DAVIT_CERTS_DIRS ?? "").split(":").filter(Boolean),
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
  return `https://${agentHost(domain)}`;
}

export function agentHost(domain: string): string {
  return `davit.${hostOf(domain)}`;
}

function checkDomain(domain: string): string {
  const ok = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?$/.test(domain) && domain.length <= 200;
  if (domain !== "" && !ok) throw new Fault("usage", `--domain '${domain}' is no DNS name; give one such as apps.example.com`);
  return domain;
}

function checkMirror(text: string): string {
  const cut = text.indexOf("=");
  const url = URL.parse(text.slice(cut + 1));
  const good = cut > 0 && !text.includes(",") && (url?.protocol === "http:" || url?.protocol === "https:");
  if (!good) throw new Fault("usage", `--registry-mirror '${text}' is not HOST=URL; for example docker.io=https://mirror.example.com`);
  return text;
}

function checkFolder(path: string): string {
  if (!/^\/[^:\s]+$/.test(path)) throw new Fault("usage", `--certs-dir '${path}' is no absolute path; for example /etc/containerd/certs.d`);
  return path.replace(/\/+$/, "");
}

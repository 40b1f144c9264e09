import { Fault } from "#shared/fault";
import type { Config } from "./config.ts";
import { mintAgentCredential, mintBuildCredential, mintPullCredential } from "./registry/credential.ts";

/** What an image may be described by. */
export const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
/** A build's credential is worth nothing soon after a build could have ended. */
const BUILD_CREDENTIAL_SECONDS = 3600;

/** The app's repository, with the registry's host. */
export function repositoryOf(config: Pick<Config, "registry">, namespace: string, app: string): string {
  return `${config.registry}/${namespace}/${app}`;
}

export function imageOf(config: Pick<Config, "registry">, namespace: string, app: string, digest: string): string {
  return `${repositoryOf(config, namespace, app)}@${digest}`;
}

/** Docker's config.json that lets one build push to its app's repository, and nothing else. */
export async function buildDockerConfig(config: Config, namespace: string, app: string): Promise<string> {
  const password = await mintBuildCredential(config.registryKey, { repository: `${namespace}/${app}`, ttlSeconds: BUILD_CREDENTIAL_SECONDS });
  return JSON.stringify({ auths: { [config.registry]: { auth: btoa(`build:${password.reveal()}`) } } });
}

/** Docker's config.json with which the nodes pull a tenant's images, and nobody anything else. */
export async function pullDockerConfig(config: Config, namespace: string): Promise<string> {
  const password = await mintPullCredential(config.registryKey, { namespace });
  return JSON.stringify({ auths: { [config.registry]: { auth: btoa(`pull:${password.reveal()}`) } } });
}

/** Whether the registry has the image. @throws Fault registry_unavailable */
export async function hasImage(config: Config, image: string, signal: AbortSignal): Promise<boolean> {
  const [name = "", digest = ""] = image.slice(config.registry.length + 1).split("@");
  return (await findDigest(config, name, digest, signal)) !== undefined;
}

/** The digest of what the registry has in a repository by a tag or a digest. @throws Fault registry_unavailable */
export async function findDigest(config: Config, name: string, reference: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const token = await pullToken(config, name, signal);
    const response = await fetch(`https://${config.registry}/v2/${name}/manifests/${reference}`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${token}`, accept: MANIFESTS.join(", ") },
      tls: { ca: config.ca },
      signal,
    });
    if (response.status === 404) return undefined;
    const digest = response.headers.get("docker-content-digest");
    if (response.ok && digest) return digest;
    throw new Error(`it answered ${response.status}`);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new Fault("registry_unavailable", `the registry did not answer: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

async function pullToken(config: Config, name: string, signal: AbortSignal): Promise<string> {
  const access = [{ repository: name, actions: ["pull" as const] }];
  const password = await mintAgentCredential(config.registryKey, { ttlSeconds: 60, access });
  const url = `https://${config.registry}/auth/token?service=registry&scope=${encodeURIComponent(`repository:${name}:pull`)}`;
  const response = await fetch(url, { headers: { authorization: `Basic ${btoa(`agent:${password.reveal()}`)}` }, tls: { ca: config.ca }, signal });
  if (!response.ok) throw new Error(`its token service answered ${response.status}`);
  return ((await response.json()) as { token: string }).token;
}

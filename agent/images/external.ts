import { createHash } from "node:crypto";
import { z } from "zod";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { dockerConfig } from "#shared/oci/docker-config";
import { RegistryApi } from "#shared/oci/registry-api";
import type { RegistryPlace } from "#shared/places";
import { type App, DAVIT_API } from "../objects/types.ts";
import type { StoredRepository } from "../registry/storage-api.ts";
import { type ImageRegistry, type Left, MANIFESTS } from "./image-registry.ts";

const ANSWER_MS = 60_000;
const TAGS_A_PAGE = 1000;

/** A registry that is not davit's own, by its HTTP API alone: one login for all builds, and perhaps another one for nodes. */
export function externalRegistry(place: RegistryPlace, pull: RegistryPlace["login"], kube: Kube): ImageRegistry {
  const { host, prefix, plainHttp, ca, login } = place;
  const api = new RegistryApi(place);
  const name = prefix ? `${host}/${prefix}` : host;
  const config = (of: RegistryPlace["login"]) => (of ? dockerConfig(host, of.user, of.password.reveal()) : JSON.stringify({ auths: {} }));
  return {
    name,
    nodeName: name,
    host,
    wire: plainHttp ? "plain" : ca ? "private" : "public",
    buildLogin: async () => config(login),
    pullLogin: async () => {
      const text = config(pull ?? login);
      return { id: createHash("sha256").update(text).digest("hex").slice(0, 32), config: async () => text };
    },
    findDigest: (repository, reference, signal) => guarded(() => digestOf(api, repository, reference, signal), signal),
    read: (namespace) => (namespace === undefined ? Promise.resolve([]) : readNamespace(api, kube, namespace)),
    remove: async (images) => {
      const left: Left[] = [];
      for (const image of images) {
        const why = await guarded(() => remove(api, image.repository, image.digest));
        if (why) left.push({ ...image, why });
      }
      return left;
    },
    // What its storage keeps is its own affair.
    sweep: async () => ({ blobs: 0, bytes: 0, repositories: [] }),
  };
}

async function guarded<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new Fault("registry_unavailable", `the registry cannot be worked with: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

async function digestOf(api: RegistryApi, repository: string, reference: string, signal: AbortSignal): Promise<string | undefined> {
  const response = await api.request(repository, `manifests/${reference}`, "pull", () => ({
    method: "HEAD",
    headers: { accept: MANIFESTS.join(", ") },
    signal,
  }));
  if (response.status === 404) return undefined;
  const digest = response.headers.get("docker-content-digest");
  if (response.ok && digest) return digest;
  throw new Error(response.ok ? `it tells no digest of ${repository}:${reference}` : `it answered ${response.status}`);
}

/** Why the image is still there; undefined when it is not. */
async function remove(api: RegistryApi, repository: string, digest: string): Promise<string | undefined> {
  const { status } = await api.request(repository, `manifests/${digest}`, "pull,push,delete", () => ({
    method: "DELETE",
    signal: AbortSignal.timeout(ANSWER_MS),
  }));
  if ((status >= 200 && status < 300) || status === 404) return undefined;
  return status === 405 ? "its registry deletes nothing" : `its registry refuses to delete it (status ${status})`;
}

/** What apps of the namespace have there, those that are being deleted too. Nothing else can be known: few registries list their repositories. */
async function readNamespace(api: RegistryApi, kube: Kube, namespace: string): Promise<StoredRepository[]> {
  const apps = await kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace });
  const names = apps.flatMap(({ metadata: { name } }) => [`${namespace}/${name}`, `${namespace}/${name}/cache`]);
  const found: StoredRepository[] = [];
  for (const name of names) {
    const images = await guarded(() => readRepository(api, name));
    if (images.length > 0) found.push({ name, images });
  }
  return found;
}

async function readRepository(api: RegistryApi, name: string): Promise<StoredRepository["images"]> {
  const images = new Map<string, StoredRepository["images"][number]>();
  for (const tag of await tagsOf(api, name)) {
    const manifest = await readManifest(api, name, tag);
    if (!manifest) continue;
    const present = images.get(manifest.digest);
    if (present) present.tags.push(tag);
    else images.set(manifest.digest, { digest: manifest.digest, tags: [tag], bytes: manifest.bytes, usedAt: manifest.at });
  }
  return [...images.values()];
}

const Tags = z.object({ tags: z.array(z.string()).nullish() });

/** A repository's tags; none of one that is not there. */
export async function tagsOf(api: RegistryApi, name: string): Promise<string[]> {
  const tags: string[] = [];
  for (let path: string | undefined = `tags/list?n=${TAGS_A_PAGE}`; path !== undefined; ) {
    const page = await get(api, name, path);
    if (!page) return tags;
    tags.push(...(Tags.parse(await page.json()).tags ?? []));
    // RFC 5988, as the distribution specification has it: </v2/…?last=…&n=…>; rel="next"
    path = /<([^>]+)>;\s*rel="?next"?/.exec(page.headers.get("link") ?? "")?.[1];
  }
  return tags;
}

const Manifest = z.object({
  config: z.object({ digest: z.string(), size: z.number() }).optional(),
  layers: z.array(z.object({ size: z.number() })).default([]),
});
const ImageConfig = z.object({ created: z.string().optional() });

/** `at` is when the image was made, since the API tells of no use: of a cached layer the same moment that kaniko goes by. */
async function readManifest(api: RegistryApi, name: string, tag: string): Promise<{ digest: string; bytes: number; at: number } | undefined> {
  const response = await get(api, name, `manifests/${tag}`);
  if (!response) return undefined;
  const text = await response.text();
  const { config, layers } = Manifest.parse(JSON.parse(text));
  const made = config && name.endsWith("/cache") ? await get(api, name, `blobs/${config.digest}`) : undefined;
  const created = made ? ImageConfig.parse(await made.json()).created : undefined;
  return {
    digest: `sha256:${createHash("sha256").update(text).digest("hex")}`,
    bytes: layers.reduce((sum, { size }) => sum + size, config?.size ?? 0),
    at: Date.parse(created ?? "") || Date.now(),
  };
}

async function get(api: RegistryApi, name: string, path: string): Promise<Response | undefined> {
  const response = await api.request(name, path, "pull", () => ({
    headers: { accept: [...MANIFESTS, "application/json", "*/*"].join(", ") },
    signal: AbortSignal.timeout(ANSWER_MS),
  }));
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${name}/${path}: it answered ${response.status}`);
  return response;
}

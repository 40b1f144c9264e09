import { Fault } from "#shared/fault";
import { dockerConfig } from "#shared/oci/docker-config";
import { mintAgentCredential, mintBuildCredential, mintPullCredential, mintStorageCredential } from "#shared/registry/credential";
import type { RegistryKey } from "#shared/registry/key";
import { Moment, type RemoveImages, Storage, type SweepOrder, Swept } from "../registry/storage-api.ts";
import { type ImageRegistry, MANIFESTS } from "./image-registry.ts";

/** A build's credential is worth nothing soon after a build could have ended. */
const BUILD_CREDENTIAL_SECONDS = 3600;
const STORAGE_CREDENTIAL_SECONDS = 600;
const ANSWER_MS = 60_000;
/** Sweeping waits for uploads to end, and reads every image's manifest. */
const SWEEP_MS = 300_000;

/** Where davit's own registry is, and the key by which its gate knows the agent. */
export interface BuiltIn {
  host: string;
  /** What nodes call it. */
  nodeHost: string;
  ca: string;
  key: RegistryKey;
}

/** davit's own registry: its credentials are for one repository or one namespace, and its gate works on its storage. */
export function builtInRegistry(own: BuiltIn): ImageRegistry {
  const { host, nodeHost, key } = own;
  return {
    name: host,
    nodeName: nodeHost,
    host,
    wire: "private",
    buildLogin: async (namespace, app) => {
      const password = await mintBuildCredential(key, { repository: `${namespace}/${app}`, ttlSeconds: BUILD_CREDENTIAL_SECONDS });
      return dockerConfig(host, "build", password.reveal());
    },
    // A signature differs each time it is made: the key, and what it is for, make the difference.
    pullLogin: async (namespace) => ({
      id: nodeHost === host ? key.kid : `${key.kid} ${nodeHost}`,
      config: async () => dockerConfig([host, nodeHost], "pull", (await mintPullCredential(key, { namespace })).reveal()),
    }),
    findDigest: (repository, reference, signal) => findDigest(own, repository, reference, signal),
    read: async (namespace) => {
      const answer = await askStorage(own, namespace === undefined ? "" : `?namespace=${encodeURIComponent(namespace)}`);
      return Storage.parse(answer).repositories;
    },
    remove: async (images) => {
      if (images.length > 0) await askStorage(own, "/remove", { images: [...images] } satisfies RemoveImages);
      return [];
    },
    sweep: async (order, busy) => {
      // Pushes that begin after the moment are those that the gate knows of by itself.
      const { moment } = Moment.parse(await askStorage(own, "/moment"));
      return Swept.parse(await askStorage(own, "/sweep", { ...order, moment, busy: busy() } satisfies SweepOrder));
    },
  };
}

async function findDigest(own: BuiltIn, repository: string, reference: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const token = await pullToken(own, repository, signal);
    const response = await fetch(`https://${own.host}/v2/${repository}/manifests/${reference}`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${token}`, accept: MANIFESTS.join(", ") },
      tls: { ca: own.ca },
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

async function pullToken({ host, ca, key }: BuiltIn, repository: string, signal: AbortSignal): Promise<string> {
  const password = await mintAgentCredential(key, { ttlSeconds: 60, access: [{ repository, actions: ["pull"] }] });
  const url = `https://${host}/auth/token?service=registry&scope=${encodeURIComponent(`repository:${repository}:pull`)}`;
  const response = await fetch(url, { headers: { authorization: `Basic ${btoa(`agent:${password.reveal()}`)}` }, tls: { ca }, signal });
  if (!response.ok) throw new Error(`its token service answered ${response.status}`);
  return ((await response.json()) as { token: string }).token;
}

async function askStorage({ host, ca, key }: BuiltIn, path: string, body?: object): Promise<unknown> {
  try {
    const credential = await mintStorageCredential(key, { ttlSeconds: STORAGE_CREDENTIAL_SECONDS });
    const response = await fetch(`https://${host}/storage${path}`, {
      method: body ? "POST" : "GET",
      headers: { authorization: `Bearer ${credential.reveal()}` },
      ...(body ? { body: JSON.stringify(body) } : {}),
      tls: { ca },
      signal: AbortSignal.timeout(path === "/sweep" ? SWEEP_MS : ANSWER_MS),
    });
    if (!response.ok) throw new Error(`it answered ${response.status}: ${await response.text()}`);
    return await response.json();
  } catch (cause) {
    throw new Fault("registry_unavailable", `the registry's storage cannot be worked on: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

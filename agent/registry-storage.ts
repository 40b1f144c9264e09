import { Fault } from "#shared/fault";
import type { Config } from "./config.ts";
import { mintStorageCredential } from "./registry/credential.ts";
import { type ImageName, Moment, type RemoveImages, Storage, type StoredRepository, type SweepOrder, Swept } from "./registry/storage-api.ts";

const CREDENTIAL_SECONDS = 600;
const ANSWER_MS = 60_000;
/** Sweeping waits for uploads to end, and reads every image's manifest. */
const SWEEP_MS = 300_000;

/** The repositories of a namespace, or all. @throws Fault registry_unavailable, as the others here */
export async function readStorage(config: Config, namespace?: string): Promise<StoredRepository[]> {
  return Storage.parse(await ask(config, namespace === undefined ? "" : `?namespace=${encodeURIComponent(namespace)}`)).repositories;
}

export async function removeImages(config: Config, images: readonly ImageName[]): Promise<void> {
  if (images.length > 0) await ask(config, "/remove", { images: [...images] } satisfies RemoveImages);
}

/** `busy` is asked after the moment was taken: pushes that begin later are those that the registry's gate knows of. */
export async function sweepStorage(config: Config, order: Pick<SweepOrder, "without" | "dryRun">, busy: () => string[]): Promise<Swept> {
  const { moment } = Moment.parse(await ask(config, "/moment"));
  return Swept.parse(await ask(config, "/sweep", { ...order, moment, busy: busy() } satisfies SweepOrder));
}

async function ask(config: Config, path: string, body?: object): Promise<unknown> {
  try {
    const credential = await mintStorageCredential(config.registryKey, { ttlSeconds: CREDENTIAL_SECONDS });
    const response = await fetch(`https://${config.registry}/storage${path}`, {
      method: body ? "POST" : "GET",
      headers: { authorization: `Bearer ${credential.reveal()}` },
      ...(body ? { body: JSON.stringify(body) } : {}),
      tls: { ca: config.ca },
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

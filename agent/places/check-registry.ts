import { createHash } from "node:crypto";
import { Fault, type FaultCode } from "#shared/fault";
import type { Blob } from "#shared/oci/blob";
import { MEDIA_TYPES, makeImage, plainLayer } from "#shared/oci/image";
import { RegistryApi } from "#shared/oci/registry-api";
import type { PlaceProblem, PlaceReason, RegistryPlace } from "#shared/places";

const ANSWER_MS = 15_000;
/** As deep as an app's, so that a registry which has no such names is found out. */
const REPOSITORY = "davit-check/check";

/** Pushes an image of a few bytes, reads it back and takes it away again; undefined when it goes well. */
export async function checkRegistry(place: RegistryPlace): Promise<PlaceProblem | undefined> {
  try {
    await exercise(new RegistryApi(place));
    return undefined;
  } catch (error) {
    return { place: "registry", reason: registryReason(error), detail: error instanceof Error ? error.message : String(error) };
  }
}

async function exercise(api: RegistryApi): Promise<void> {
  const digest = await pushTiny(api, REPOSITORY, "check");
  const read = await ask(api, REPOSITORY, "what was pushed cannot be pulled", `manifests/${digest}`, { headers: { accept: MEDIA_TYPES.manifest } });
  if (digestOf(Buffer.from(await read.arrayBuffer())) !== digest) throw new Error("what is pushed is not what is pulled");
  // One that deletes nothing serves too; garbage collection tells of it.
  await removeImage(api, REPOSITORY, digest);
}

/** Pushes an image of some two thousand bytes that is nobody else's, and gives its digest. */
export async function pushTiny(api: RegistryApi, repository: string, content: string): Promise<string> {
  const layer = await plainLayer([{ kind: "file", path: "davit", from: Buffer.from(content) }]);
  const image = makeImage([layer], {}, process.arch === "arm64" ? "arm64" : "amd64", "davit");
  for (const blob of image.blobs) {
    const upload = await ask(api, repository, "it starts no upload", "blobs/uploads/", { method: "POST" });
    const to = new URL(upload.headers.get("location") ?? "", upload.url);
    to.searchParams.set("digest", blob.digest);
    const headers = { "content-type": "application/octet-stream" };
    await ask(api, repository, "it takes no upload", to.href, { method: "PUT", body: await bytesOf(blob), headers });
  }
  const { digest } = image.manifest;
  const headers = { "content-type": MEDIA_TYPES.manifest };
  await ask(api, repository, "it takes no image", `manifests/${digest}`, { method: "PUT", body: await bytesOf(image.manifest), headers });
  return digest;
}

/** The answer tells whether it is gone: not every registry deletes. */
export async function removeImage(api: RegistryApi, repository: string, digest: string): Promise<void> {
  const gone = await api.request(repository, `manifests/${digest}`, "pull,push,delete", () => ({ method: "DELETE" }));
  await gone.body?.cancel();
}

async function ask(
  api: RegistryApi,
  repository: string,
  what: string,
  path: string,
  init: RequestInit & { headers?: Record<string, string> },
): Promise<Response> {
  const response = await api.request(repository, path, "pull,push", () => ({ ...init, signal: AbortSignal.timeout(ANSWER_MS) }));
  if (response.ok) return response;
  throw new Refusal(`${what}: status ${response.status} ${(await response.text()).trim().slice(0, 200)}`.trim(), response.status);
}

async function bytesOf(blob: Blob): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(blob.chunks()));
}

class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

const BY_FAULT: { [Code in FaultCode]?: PlaceReason } = {
  certificate_untrusted: "certificate",
  not_logged_in: "login",
  token_rejected: "login",
  registry_unavailable: "unreachable",
};

export function registryReason(error: unknown): PlaceReason {
  if (error instanceof Fault) return BY_FAULT[error.code] ?? "other";
  if (error instanceof Refusal && error.status === 401) return "login";
  if (error instanceof Refusal && error.status === 403) return "denied";
  return error instanceof Error && error.name === "TimeoutError" ? "unreachable" : "other";
}

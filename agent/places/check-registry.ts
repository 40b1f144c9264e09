import { createHash } from "node:crypto";
import { Fault, type FaultCode } from "#shared/fault";
import { MEDIA_TYPES } from "#shared/oci/image";
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
    return { place: "registry", reason: reasonOf(error), detail: error instanceof Error ? error.message : String(error) };
  }
}

async function exercise(api: RegistryApi): Promise<void> {
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length },
      layers: [],
    }),
  );
  const ask = async (what: string, path: string, init: RequestInit & { headers?: Record<string, string> }) => {
    const response = await api.request(REPOSITORY, path, "pull,push", () => ({ ...init, signal: AbortSignal.timeout(ANSWER_MS) }));
    if (response.ok) return response;
    throw new Refusal(`${what}: status ${response.status} ${(await response.text()).trim().slice(0, 200)}`.trim(), response.status);
  };
  const upload = await ask("it starts no upload", "blobs/uploads/", { method: "POST" });
  const to = new URL(upload.headers.get("location") ?? "", upload.url);
  to.searchParams.set("digest", digestOf(config));
  await ask("it takes no upload", to.href, { method: "PUT", body: config, headers: { "content-type": "application/octet-stream" } });
  const headers = { "content-type": MEDIA_TYPES.manifest };
  await ask("it takes no image", "manifests/check", { method: "PUT", body: manifest, headers });
  const read = await ask("what was pushed cannot be pulled", `manifests/${digestOf(manifest)}`, { headers: { accept: MEDIA_TYPES.manifest } });
  if (digestOf(Buffer.from(await read.arrayBuffer())) !== digestOf(manifest)) throw new Error("what is pushed is not what is pulled");
  const gone = await api.request(REPOSITORY, `manifests/${digestOf(manifest)}`, "pull,push,delete", () => ({ method: "DELETE" }));
  // One that deletes nothing serves too; garbage collection tells of it.
  await gone.body?.cancel();
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

function reasonOf(error: unknown): PlaceReason {
  if (error instanceof Fault) return BY_FAULT[error.code] ?? "other";
  if (error instanceof Refusal && error.status === 401) return "login";
  if (error instanceof Refusal && error.status === 403) return "denied";
  return error instanceof Error && error.name === "TimeoutError" ? "unreachable" : "other";
}

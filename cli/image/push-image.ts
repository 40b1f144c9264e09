import { rootCertificates } from "node:tls";
import { Fault } from "#shared/fault";
import { authorize, type Credentials } from "#shared/oci/authorize";
import { type Blob, webStream } from "#shared/oci/blob";
import { parseChallenge } from "#shared/oci/challenge";
import { type Image, MEDIA_TYPES } from "#shared/oci/image";
import { isUntrusted } from "#shared/untrusted";
import type { Reference } from "./reference.ts";

export type PushOptions = {
  credentials?: Credentials;
  /** PEM of CAs that are trusted beside the usual ones. */
  ca?: string;
  insecureHttp?: boolean;
  say?: (line: string) => void;
  signal?: AbortSignal;
};

/** Pushes the image by the OCI distribution API; what the registry has already is not sent. Gives the manifest's digest. */
export async function pushImage(image: Image, reference: Reference, options: PushOptions = {}): Promise<string> {
  const registry = new Registry(reference, options);
  for (const blob of image.blobs) await registry.putBlob(blob);
  await registry.putManifest(image.manifest);
  return image.manifest.digest;
}

/** One repository of one registry, with the login it asked for. */
class Registry {
  readonly #base: URL;
  readonly #reference: Reference;
  readonly #options: PushOptions;
  #authorization: string | undefined;

  constructor(reference: Reference, options: PushOptions) {
    const host = reference.host === "docker.io" ? "registry-1.docker.io" : reference.host;
    this.#base = new URL(`${options.insecureHttp ? "http" : "https"}://${host}/v2/${reference.repository}/`);
    this.#reference = reference;
    this.#options = options;
  }

  async putBlob(blob: Blob): Promise<void> {
    const found = await this.#request(new URL(`blobs/${blob.digest}`, this.#base), () => ({ method: "HEAD" }));
    if (found.ok) return this.#say(blob, "already there");
    const started = await this.#request(new URL("blobs/uploads/", this.#base), () => ({ method: "POST" }));
    const location = started.headers.get("location");
    if (started.status !== 202 || location === null) throw await refused(this.#base, "would not start an upload", started);
    const target = new URL(location, this.#base);
    target.searchParams.set("digest", blob.digest);
    const put = await this.#request(target, () => ({
      method: "PUT",
      body: webStream(blob.chunks()),
      headers: sized(blob, "application/octet-stream"),
    }));
    if (put.status !== 201) throw await refused(this.#base, `refused ${blob.digest}`, put);
    this.#say(blob, "sent");
  }

  async putManifest(manifest: Blob): Promise<void> {
    const bytes = await new Response(webStream(manifest.chunks())).bytes();
    const headers = sized(manifest, MEDIA_TYPES.manifest);
    const put = await this.#request(new URL(`manifests/${this.#reference.tag}`, this.#base), () => ({ method: "PUT", body: bytes, headers }));
    if (!put.ok) throw await refused(this.#base, "refused the manifest", put);
  }

  /** Bodies are made anew for each try: the first may have been a challenge, also in the middle when a token ran out. */
  async #request(url: URL, init: () => RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const first = await this.#send(url, this.#authorized(url, init()));
    if (first.status !== 401) return first;
    const challenge = parseChallenge(first.headers.get("www-authenticate") ?? "");
    await first.body?.cancel();
    const scope = { repository: this.#reference.repository, actions: "pull,push" };
    this.#authorization = await authorize(challenge, this.#base, scope, this.#options.credentials, (to, request) => this.#send(to, request));
    return this.#send(url, this.#authorized(url, init()));
  }

  /** An upload may be sent to a host of the registry's choice; the login stays at home. */
  #authorized(url: URL, init: RequestInit & { headers?: Record<string, string> }): RequestInit {
    if (this.#authorization === undefined || url.origin !== this.#base.origin) return init;
    return { ...init, headers: { ...init.headers, authorization: this.#authorization } };
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    const { ca, signal } = this.#options;
    const tls = ca === undefined ? {} : { tls: { ca: [...rootCertificates, ca] } };
    try {
      // Bun ends every fetch after five minutes unless told otherwise; a slow line needs longer for the executable.
      const patient = { ...init, ...tls, ...(signal ? { signal } : {}), timeout: false };
      return await fetch(url, patient);
    } catch (error) {
      throw unreachable(url, error);
    }
  }

  #say(blob: Blob, what: string): void {
    this.#options.say?.(`${blob.digest.slice(0, 19)} ${(blob.size / 1e6).toFixed(1)} MB ${what}`);
  }
}

const sized = (blob: Blob, type: string): Record<string, string> => ({ "content-type": type, "content-length": String(blob.size) });

async function refused(registry: URL, what: string, response: Response): Promise<Fault> {
  const text = (await response.text()).trim().slice(0, 300);
  const message = `${registry.host} ${what}: HTTP ${response.status}${text ? `: ${text}` : ""}`;
  if (response.status === 401) return new Fault("token_rejected", message);
  if (response.status === 403) return new Fault("forbidden", message);
  return new Fault("registry_unavailable", message, { details: { registry: registry.host } });
}

function unreachable(url: URL, error: unknown): Fault {
  if (error instanceof Error && error.name === "AbortError") return new Fault("interrupted", "interrupted while pushing the image", { cause: error });
  const reason = error instanceof Error ? error.message : String(error);
  return isUntrusted(error)
    ? new Fault("certificate_untrusted", `the certificate of ${url.host} is not trusted (give its CA with --ca-file): ${reason}`, { cause: error })
    : new Fault("registry_unavailable", `${url.host} does not answer: ${reason}`, { cause: error, details: { registry: url.host } });
}

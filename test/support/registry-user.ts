import { createHash } from "node:crypto";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export interface PushedImage {
  digest: string;
  manifest: string;
  layers: string[];
}

/** A client of the registry API with one credential: asks for tokens and moves images, as crane and containerd do. */
export class RegistryUser {
  readonly #base: string;
  readonly #ca: string;
  readonly #password: string;

  constructor(base: string, ca: string, password: string) {
    this.#base = base;
    this.#ca = ca;
    this.#password = password;
  }

  /** The token service's answer: by GET with Basic (crane, kaniko) or by POST with a form (containerd). */
  askToken(scope: string, by: "get" | "form" = "get"): Promise<Response> {
    const scopes = scope.split(" ");
    if (by === "get") {
      const query = new URLSearchParams([["service", "registry"], ...scopes.map((text): [string, string] => ["scope", text])]);
      const authorization = `Basic ${btoa(`davit:${this.#password}`)}`;
      return fetch(`${this.#base}/auth/token?${query}`, { headers: { authorization }, tls: { ca: this.#ca } });
    }
    const body = new URLSearchParams({
      grant_type: "password",
      service: "registry",
      client_id: "containerd-client",
      username: "davit",
      password: this.#password,
      scope,
    });
    return fetch(`${this.#base}/auth/token`, { method: "POST", body, tls: { ca: this.#ca } });
  }

  /** One request with a token for `scope`. */
  async request(method: string, path: string, scope: string, body?: string, by: "get" | "form" = "get"): Promise<Response> {
    const answer = await this.askToken(scope, by);
    const { token, access_token } = (await answer.json()) as { token?: string; access_token?: string };
    const headers: Record<string, string> = { authorization: `Bearer ${by === "get" ? token : access_token}`, accept: MANIFEST };
    if (body !== undefined) headers["content-type"] = path.includes("/manifests/") ? MANIFEST : "application/octet-stream";
    const url = path.startsWith("https:") ? path : this.#base + path;
    return fetch(url, { method, headers, ...(body === undefined ? {} : { body }), tls: { ca: this.#ca } });
  }

  /** Pushes an image of the given layers. @throws Error with the status that was not a success */
  async push(repository: string, tag: string, layers: string[]): Promise<PushedImage> {
    const scope = `repository:${repository}:pull,push`;
    const blobs = ["{}", ...layers].map((text) => ({ text, digest: digestOf(text) }));
    for (const blob of blobs) {
      const upload = expectOk(await this.request("POST", `/v2/${repository}/blobs/uploads/`, scope));
      const patched = expectOk(await this.request("PATCH", upload.headers.get("location") ?? "", scope, blob.text));
      expectOk(await this.request("PUT", `${patched.headers.get("location")}&digest=${blob.digest}`, scope));
    }
    const [configBlob, ...layerBlobs] = blobs.map(({ text, digest }, index) => ({
      mediaType: index === 0 ? "application/vnd.oci.image.config.v1+json" : "application/vnd.oci.image.layer.v1.tar",
      digest,
      size: text.length,
    }));
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: configBlob, layers: layerBlobs });
    expectOk(await this.request("PUT", `/v2/${repository}/manifests/${tag}`, scope, manifest));
    return { digest: digestOf(manifest), manifest, layers: layerBlobs.map((layer) => layer.digest) };
  }

  /** The image as it is in the registry, each blob checked. @throws Error with the status that was not a success */
  async pull(repository: string, tag: string, options: { tokenBy?: "get" | "form" } = {}): Promise<PushedImage> {
    const get = async (path: string) =>
      expectOk(await this.request("GET", `/v2/${repository}/${path}`, `repository:${repository}:pull`, undefined, options.tokenBy)).text();
    const manifest = await get(`manifests/${tag}`);
    const layers: string[] = JSON.parse(manifest).layers.map((layer: { digest: string }) => layer.digest);
    for (const layer of layers) if (digestOf(await get(`blobs/${layer}`)) !== layer) throw new Error(`${layer} came back different`);
    return { digest: digestOf(manifest), manifest, layers };
  }
}

export function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function expectOk(response: Response): Response {
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response;
}

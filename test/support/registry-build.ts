import { digestOf, RegistryUser } from "./registry-user.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** A registry, and the credential of a build. */
interface Registry {
  base: string;
  ca: string;
  password: string;
}

/** A push as kaniko makes it: one token, then for each blob a look whether it is there, an upload if not, the manifest last. */
export class RegistryBuild {
  readonly #registry: Registry;
  readonly #repository: string;
  readonly #token: string;

  private constructor(registry: Registry, repository: string, token: string) {
    this.#registry = registry;
    this.#repository = repository;
    this.#token = token;
  }

  static async begin(registry: Registry, repository: string): Promise<RegistryBuild> {
    const user = new RegistryUser(registry.base, registry.ca, registry.password);
    const answer = await user.askToken(`repository:${repository}:pull,push`);
    return new RegistryBuild(registry, repository, ((await answer.json()) as { token: string }).token);
  }

  async has(text: string): Promise<boolean> {
    return (await this.#ask("HEAD", `/v2/${this.#repository}/blobs/${digestOf(text)}`)).ok;
  }

  async upload(text: string): Promise<void> {
    const begun = await this.#ask("POST", `/v2/${this.#repository}/blobs/uploads/`);
    const sent = await this.#ask("PATCH", begun.headers.get("location") ?? "", text);
    const ended = await this.#ask("PUT", `${sent.headers.get("location")}&digest=${digestOf(text)}`);
    if (!ended.ok) throw new Error(`the upload ended with ${ended.status}: ${await ended.text()}`);
  }

  /** The digest of the image. */
  async finish(tag: string, texts: string[]): Promise<string> {
    const [config, ...rest] = ["{}", ...texts].map((text, index) => ({
      mediaType: index === 0 ? "application/vnd.oci.image.config.v1+json" : "application/vnd.oci.image.layer.v1.tar",
      digest: digestOf(text),
      size: text.length,
    }));
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: rest });
    const answer = await this.#ask("PUT", `/v2/${this.#repository}/manifests/${tag}`, manifest);
    if (!answer.ok) throw new Error(`the image was refused with ${answer.status}: ${await answer.text()}`);
    return digestOf(manifest);
  }

  async push(tag: string, texts: string[]): Promise<string> {
    for (const text of ["{}", ...texts]) if (!(await this.has(text))) await this.upload(text);
    return await this.finish(tag, texts);
  }

  #ask(method: string, path: string, body?: string): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": path.includes("/manifests/") ? MANIFEST : "application/octet-stream" };
    const { base, ca } = this.#registry;
    return fetch(path.startsWith("https:") ? path : base + path, { method, headers, ...(body === undefined ? {} : { body }), tls: { ca } });
  }
}

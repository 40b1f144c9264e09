import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Image, makeImage, plainLayer } from "#shared/oci/image";
import { pushImage } from "./push-image.ts";
import { parseReference } from "./reference.ts";

/** A registry for one repository, in memory; `login` is how it wants to be asked. */
class FakeRegistry implements Disposable {
  readonly blobs = new Map<string, Uint8Array>();
  readonly manifests = new Map<string, string>();
  readonly log: string[] = [];
  readonly #server: Bun.Server<undefined>;
  readonly #login: "none" | "basic" | "bearer";

  constructor(login: "none" | "basic" | "bearer") {
    this.#login = login;
    this.#server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => this.#answer(request) });
  }

  get host(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/token") return this.#token(request, searchParams.get("scope") ?? "");
    const challenge = this.#challenge(request);
    if (challenge) return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
    this.log.push(`${request.method} ${pathname.replace("/v2/tools/davit/", "")}`);
    const digest = pathname.split("/").at(-1) ?? "";
    if (request.method === "HEAD") return new Response(null, { status: this.blobs.has(digest) ? 200 : 404 });
    if (request.method === "POST") return new Response(null, { status: 202, headers: { location: "/v2/tools/davit/blobs/uploads/7?state=x" } });
    const bytes = await request.bytes();
    if (pathname.includes("/manifests/")) {
      this.manifests.set(digest, new TextDecoder().decode(bytes));
      return new Response(null, { status: 201 });
    }
    const claimed = searchParams.get("digest") ?? "";
    if (searchParams.get("state") !== "x" || claimed !== `sha256:${createHash("sha256").update(bytes).digest("hex")}`)
      return new Response("digest invalid", { status: 400 });
    this.blobs.set(claimed, bytes);
    return new Response(null, { status: 201 });
  }

  #challenge(request: Request): string | undefined {
    const sent = request.headers.get("authorization");
    if (this.#login === "basic" && sent !== `Basic ${btoa("ci:geheim")}`) return 'Basic realm="here"';
    if (this.#login === "bearer" && sent !== "Bearer good") return `Bearer realm="http://${this.host}/token",service="it"`;
    return undefined;
  }

  #token(request: Request, scope: string): Response {
    const known = request.headers.get("authorization") === `Basic ${btoa("ci:geheim")}`;
    return known && scope === "repository:tools/davit:pull,push" ? Response.json({ token: "good" }) : new Response(null, { status: 401 });
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

async function smallImage(): Promise<Image> {
  const layer = await plainLayer([{ kind: "file", path: "a", from: Buffer.from("one") }]);
  return makeImage([layer], {}, "amd64", "test");
}

const credentials = { user: "ci", password: "geheim" };

test.each(["none", "basic", "bearer"] as const)("an image goes to a registry with login %s, and its blobs only once", async (login) => {
  using registry = new FakeRegistry(login);
  const image = await smallImage();
  const reference = parseReference(`${registry.host}/tools/davit:1`);
  expect(await pushImage(image, reference, { credentials, insecureHttp: true })).toBe(image.manifest.digest);
  expect([...registry.blobs.keys()]).toEqual(image.blobs.map((blob) => blob.digest));
  expect(JSON.parse(registry.manifests.get("1") ?? "").layers).toHaveLength(1);

  registry.log.length = 0;
  await pushImage(image, reference, { credentials, insecureHttp: true });
  expect(registry.log).toEqual([...image.blobs.map((blob) => `HEAD blobs/${blob.digest}`), "PUT manifests/1"]);
});

test("a wrong or missing login is said as such", async () => {
  using registry = new FakeRegistry("bearer");
  const reference = parseReference(`${registry.host}/tools/davit:1`);
  const wrong = { user: "ci", password: "wrong" };
  await expect(pushImage(await smallImage(), reference, { insecureHttp: true })).rejects.toMatchObject({ code: "not_logged_in" });
  await expect(pushImage(await smallImage(), reference, { insecureHttp: true, credentials: wrong })).rejects.toMatchObject({
    code: "token_rejected",
  });
});

test("a registry that is not there is a fault that names it", async () => {
  const push = pushImage(await smallImage(), parseReference("127.0.0.1:1/tools/davit:1"), { insecureHttp: true });
  await expect(push).rejects.toMatchObject({ code: "registry_unavailable", details: { registry: "127.0.0.1:1" } });
});

test.each([
  ["registry.example.com/davit", { host: "registry.example.com", repository: "davit", tag: "latest" }],
  ["localhost/a/b:1", { host: "localhost", repository: "a/b", tag: "1" }],
  ["[::1]:5000/a-b/c_d:v1.0", { host: "[::1]:5000", repository: "a-b/c_d", tag: "v1.0" }],
])("%s is understood", (text, parts) => expect(parseReference(text)).toEqual(parts));

test.each(["davit", "davit:1", "tools/davit:1", "registry.example.com/UPPER", "registry.example.com/a:", "http://registry.example.com/a", ""])(
  "%p names no registry or no image",
  (text) => {
    expect(() => parseReference(text)).toThrow("has to be an image with its registry");
  },
);

import { expect, test } from "bun:test";
import { pushImage } from "#cli/image/push-image";
import { makeImage, plainLayer } from "#shared/oci/image";
import { sha256 } from "#shared/pack";
import { startOpenRegistry } from "#test/open-registry";
import { temporaryFolder } from "#test/temporary";
import { askDigest } from "./digest.ts";
import { parseImage } from "./reference.ts";

/** No DNS knows it, so only its mirror can tell of an image. */
const REGISTRY = "registry.invalid";
const never = new AbortController().signal;
const manifest = JSON.stringify({ schemaVersion: 2, note: "a manifest" });
const digest = `sha256:${sha256(manifest)}`;
const describe = () => new Response(null, { headers: { "docker-content-digest": digest } });

const nobody = new Set<string>();

/** Asks a registry for an image as the mirror of the one that nobody knows. */
const askAt = (url: URL, image: string, stop = never, patienceMs = 10_000) =>
  askDigest(parseImage(`${REGISTRY}/${image}`), { mirrors: [{ registry: REGISTRY, url }], refused: nobody, stop, patienceMs });

type Answer = (request: Request, url: URL) => Response | Promise<Response>;

/** A registry, or what pretends to be one, on loopback: allowed only because it is the mirror of an installation. */
function pretend(answer: Answer) {
  const asked: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch(request) {
      const url = new URL(request.url);
      asked.push(`${request.method} ${url.pathname}${url.search}`);
      return answer(request, url);
    },
  });
  const find = (image = "team/shop:1", stop = never, patienceMs = 10_000) => askAt(server.url, image, stop, patienceMs);
  return { asked, find, origin: server.url.origin, [Symbol.dispose]: () => void server.stop(true) };
}

test("a real registry: what was pushed is found by its tag and by its digest, and what was not is missing", async () => {
  await using folder = await temporaryFolder();
  await using registry = await startOpenRegistry(folder.path);
  const layer = await plainLayer([{ kind: "file", path: "a", from: Buffer.from("one") }]);
  const image = makeImage([layer], {}, "amd64", "test");
  const { host } = new URL(registry.url);
  const pushed = await pushImage(image, { host, repository: "team/shop", tag: "1" }, { insecureHttp: true });
  const find = (name: string) => askAt(new URL(registry.url), name);
  expect(await find("team/shop:1")).toEqual({ kind: "digest", digest: pushed });
  expect(await find(`team/shop@${pushed}`)).toEqual({ kind: "digest", digest: pushed });
  for (const name of ["team/shop:2", "team/other", `team/shop@${digest}`]) expect(await find(name)).toEqual({ kind: "missing", where: host });
});

test("one that does not tell the digest is asked for the manifest itself", async () => {
  using registry = pretend((request) => new Response(request.method === "HEAD" ? null : manifest));
  expect(await registry.find()).toEqual({ kind: "digest", digest });
  expect(registry.asked).toEqual(["HEAD /v2/team/shop/manifests/1", "GET /v2/team/shop/manifests/1"]);
});

test("one that wants a token gets the one that everybody gets", async () => {
  using registry = pretend((request, url) => {
    if (url.pathname === "/token") return Response.json({ token: "for everybody" });
    if (request.headers.get("authorization") === "Bearer for everybody") return describe();
    const challenge = `Bearer realm="${url.origin}/token",service="hub",scope="repository:something:else"`;
    return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
  });
  expect(await registry.find()).toEqual({ kind: "digest", digest });
  expect(registry.asked[1]).toBe("GET /token?service=hub&scope=repository%3Ateam%2Fshop%3Apull");
});

const challenge =
  (header: string): Answer =>
  () =>
    new Response(null, { status: 401, headers: { "www-authenticate": header } });

test.each<[string, Answer, string]>([
  ["wants a password", challenge('Basic realm="x"'), "without a credential"],
  ["has a realm that is no URL", challenge('Bearer realm="nowhere"'), "without a credential"],
  ["sends to a realm in clear", challenge('Bearer realm="http://auth.example.com/token"'), "which is not encrypted"],
  ["sends to a realm on this machine", challenge('Bearer realm="https://127.0.0.1:1/token"'), "does not fetch from"],
  ["sends to the metadata service", () => Response.redirect("https://169.254.169.254/latest/meta-data"), "does not fetch from"],
  ["sends to a host in clear", () => Response.redirect("http://10.0.0.7/v2/"), "which is not encrypted"],
  ["sends to another scheme", () => Response.redirect("file:///etc/passwd"), "which is not encrypted"],
  ["forbids it", () => new Response(null, { status: 403 }), "without a credential"],
  ["has had enough", () => new Response(null, { status: 429 }), "answers with status 429"],
  ["is broken", () => new Response("oops", { status: 500 }), "answers with status 500"],
  ["has an empty manifest", () => new Response(null), "gives no manifest"],
  [
    "tells a digest that is none, and then nothing",
    () => new Response(null, { headers: { "docker-content-digest": "sha256:x" } }),
    "gives no manifest",
  ],
  ["says more than a manifest has", (request) => new Response(request.method === "HEAD" ? null : new Uint8Array(5 << 20)), "more than 4194304 bytes"],
  ["redirects without end", (_, url) => Response.redirect(url.href), "redirects without end"],
])("one that %s leaves it unknown, with the reason", async (_, answer, why) => {
  using registry = pretend(answer);
  expect(await registry.find()).toEqual({ kind: "unknown", why: expect.stringContaining(why) });
});

test("within the registry a redirect is followed, token and all; elsewhere nobody on this machine hears of it", async () => {
  using elsewhere = pretend(describe);
  let target = "/moved";
  using registry = pretend((request, url) => {
    if (url.pathname === "/token") return Response.json({ access_token: "for everybody" });
    if (!request.headers.has("authorization")) return challenge(`Bearer realm="${url.origin}/token"`)(request, url);
    return url.pathname === "/moved" ? describe() : Response.redirect(target);
  });
  target = `${registry.origin}/moved`;
  expect(await registry.find()).toEqual({ kind: "digest", digest });
  target = elsewhere.origin.replace("http:", "https:");
  expect((await registry.find()).kind).toBe("unknown");
  expect(elsewhere.asked).toEqual([]);
});

test("one that never answers is not waited for, and the end of the push ends the question", async () => {
  using registry = pretend(() => new Promise<Response>(() => {}));
  expect(await registry.find("team/shop:1", never, 50)).toEqual({ kind: "unknown", why: expect.any(String) });
  const over = new AbortController();
  const asking = registry.find("team/shop:1", over.signal);
  over.abort(new Error("the app is being deleted"));
  await expect(asking).rejects.toThrow("the app is being deleted");
});

test("one that breaks off is asked once more", async () => {
  let times = 0;
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        times += 1;
        if (times > 1) socket.write(`HTTP/1.1 200 OK\r\ndocker-content-digest: ${digest}\r\ncontent-length: 0\r\n\r\n`);
        socket.end();
      },
    },
  });
  expect(await askAt(new URL(`http://127.0.0.1:${server.port}`), "shop")).toEqual({ kind: "digest", digest });
});

test("this machine, its link and what is refused besides are not asked at all", async () => {
  const refused = new Set(["10.96.0.1"]);
  for (const host of ["localhost:5000", "127.0.0.1", "169.254.169.254", "10.96.0.1:443"]) {
    const found = await askDigest(parseImage(`${host}/shop`), { mirrors: [], refused, stop: never });
    expect(found).toMatchObject({ kind: "unknown", why: expect.stringContaining("does not fetch from") });
  }
});

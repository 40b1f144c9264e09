import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Proxies } from "#shared/proxy";
import { faultOf } from "#shared/source/testing/temp-tree";
import { type ForwardProxy, forwardProxy } from "#test/forward-proxy";
import { repository } from "#test/git-repository";
import { guardedResolve } from "./guard.ts";
import { type Fetching, fetching } from "./testing/fetching.ts";

/* Git servers whose names only a proxy knows. */

const PASSWORD = "p@ss:wörd";
const resources = new AsyncDisposableStack();
let at: Fetching;
let proxy: ForwardProxy;
let commit: string;
let port: string;

beforeAll(async () => {
  at = resources.use(await fetching());
  port = new URL(at.server.origin).port;
  const hosts = { "git.test": "127.0.0.1", "other.test": "127.0.0.1" };
  proxy = resources.use(await forwardProxy({ login: { user: "davit", password: PASSWORD }, hosts }));
  commit = await (await repository(at.repositories, "shop.git")).commit({ "app.txt": "shop" });
});
beforeEach(() => {
  at.server.misbehave = (_, git) => git();
  at.server.requests.length = proxy.passed.length = 0;
});
afterAll(() => resources.disposeAsync());

const by = (https: string, none = "") => ({ proxies: Proxies.parse({ http: "", https, none }), resolve: guardedResolve(new Set(["10.9.9.9"])) });
const moveTo = (to: string) => {
  at.server.misbehave = (request, git) =>
    new URL(request.url).pathname.startsWith("/moved") ? new Response(null, { status: 301, headers: { location: to } }) : git();
};

test("a repository is fetched by the proxy, which resolves the name; the certificate is verified all the same", async () => {
  expect((await at.fetch(`https://git.test:${port}/shop.git`, "main", by(proxy.url))).commit).toBe(commit);
  expect(new Set(proxy.passed)).toEqual(new Set([`git.test:${port}`]));
  const misnamed = await faultOf(at.fetch(`https://127.0.0.2.test:${port}/shop.git`, "main", by(proxy.url)));
  expect(misnamed).toMatchObject({ code: "git_unreachable" });
});

test.each(["localhost", "127.0.0.1", "169.254.169.254", "10.9.9.9", "[::1]"])(
  "the proxy is not asked for %s, neither at once nor by a redirect",
  async (host) => {
    expect(await faultOf(at.fetch(`https://${host}:${port}/shop.git`, "main", by(proxy.url)))).toMatchObject({ code: "git_refused" });
    expect(proxy.passed).toEqual([]);
    moveTo(`https://${host}:${port}/shop.git/info/refs?service=git-upload-pack`);
    expect(await faultOf(at.fetch(`https://git.test:${port}/moved/shop.git`, "main", by(proxy.url)))).toMatchObject({ code: "git_refused" });
    expect(proxy.passed).toEqual([`git.test:${port}`]);
  },
);

test("what is excepted goes directly, and only where it is allowed to", async () => {
  const fault = await faultOf(at.fetch(`https://127.0.0.1:${port}/shop.git`, "main", by(proxy.url, "127.0.0.0/8")));
  expect(fault).toMatchObject({ code: "git_refused" });
  const direct = { ...by(proxy.url, ".test"), resolve: async () => ["127.0.0.1"] };
  expect((await at.fetch(`https://git.test:${port}/shop.git`, "main", direct)).commit).toBe(commit);
  expect(proxy.passed).toEqual([]);
});

test("a proxy that wants another login, and one that is not there, are told without the password", async () => {
  const wrong = proxy.url.replace("davit:", "nobody:");
  for (const url of [wrong, "http://davit:secret@127.0.0.1:1"]) {
    const fault = await faultOf(at.fetch(`https://git.test:${port}/shop.git`, "main", by(url)));
    expect(fault).toMatchObject({ code: "git_unreachable", details: { host: `git.test:${port}` } });
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), "secret"]) expect(JSON.stringify([fault, fault.message])).not.toContain(secret);
  }
});

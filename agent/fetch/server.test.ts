import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Fault } from "#shared/fault";
import { faultOf } from "#shared/source/testing/temp-tree";
import { repository } from "#test/git-repository";
import { GIT_PASSWORD, GIT_USER, type GitServer, gitServer } from "#test/git-server";
import { guardedResolve } from "./guard.ts";
import { packet } from "./pkt-line.ts";
import { type Fetching, fetching } from "./testing/fetching.ts";

/* What a git server may do. */

let at: Fetching;
let other: GitServer;
let commit: string;

beforeAll(async () => {
  at = await fetching();
  other = await gitServer({ root: at.repositories, names: ["other.test"] });
  const shop = await repository(at.repositories, "shop.git");
  commit = await shop.commit({ "app.txt": "shop", "large.bin": crypto.getRandomValues(new Uint8Array(60_000)) });
});
beforeEach(() => {
  at.server.requests.length = 0;
  other.requests.length = 0;
  at.server.misbehave = (_, git) => git();
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await at[Symbol.asyncDispose]();
});

const mine = () => ({ credential: { host: at.server.host, username: GIT_USER, password: GIT_PASSWORD } });
const isPack = (request: Request) => request.method === "POST" && request.headers.get("content-type")?.includes("upload-pack-request");
/** Answers the request for a pack with `answer`, all else as git does. */
const whenAskedForPack = (answer: (git: Response) => Promise<Response> | Response) => {
  let posts = 0;
  at.server.misbehave = async (request, git) => {
    posts += isPack(request) ? 1 : 0;
    // The first one asks for refs.
    return posts === 2 ? await answer(await git()) : await git();
  };
};
const redirect = (to: string, status = 301) => {
  at.server.misbehave = (request, git) =>
    new URL(request.url).pathname.startsWith("/moved") ? new Response(null, { status, headers: { location: to } }) : git();
};
const DISCOVERY = "/info/refs?service=git-upload-pack";

test("a private repository is open to the credential of its host", async () => {
  expect((await at.fetch("private/shop.git", "main", mine())).commit).toBe(commit);
  expect(at.server.requests.every(({ authorization }) => authorization?.startsWith("Basic "))).toBe(true);
});

test("without a credential, and with a wrong one, it is closed, and the fault names what is needed", async () => {
  const none = await faultOf(at.fetch("private/shop.git"));
  expect(none).toMatchObject({ code: "git_auth", details: { host: at.server.host } });
  expect(none.details["credential"]).toBeUndefined();
  const wrong = await faultOf(at.fetch("private/shop.git", "main", { credential: { ...mine().credential, password: "s3cret" } }));
  expect(wrong).toMatchObject({ code: "git_auth", details: { host: at.server.host, credential: "mine" } });
  expect(JSON.stringify(wrong)).not.toContain("s3cret");
});

test("a credential is for one host and port: another gets none", async () => {
  await at.fetch("shop.git", "main", { credential: { ...mine().credential, host: at.server.host.replace(/:.*/, ":1") } });
  expect(at.server.requests.map(({ authorization }) => authorization)).toEqual([null, null, null]);
});

test("a redirect on the same host is followed, with the credential", async () => {
  redirect(`/private/shop.git${DISCOVERY}`);
  expect((await at.fetch("moved/shop.git", "main", mine())).commit).toBe(commit);
});

test.each([301, 302, 303, 307, 308])("a redirect (%i) to another host is followed without the credential", async (status) => {
  redirect(`${other.origin.replace("127.0.0.1", "other.test")}/shop.git${DISCOVERY}`, status);
  const ca = `${at.server.ca}${other.ca}`;
  expect((await at.fetch("moved/shop.git", "main", { credential: { ...mine().credential, ca } })).commit).toBe(commit);
  expect(at.server.requests[0]?.authorization).toStartWith("Basic ");
  expect(other.requests.map(({ method, authorization }) => [method, authorization])).toEqual([
    ["GET", null],
    ["POST", null],
    ["POST", null],
  ]);
});

const NOT_FOLLOWED: [string, string, string][] = [
  ["to http", `http://127.0.0.1${DISCOVERY}`, "git_refused"],
  ["to a file", `file:///etc${DISCOVERY}`, "git_refused"],
  ["to a URL with a password", `https://a:b@other.test/shop.git${DISCOVERY}`, "git_refused"],
  ["to a login page", "/login", "git_repository_not_found"],
  ["to nowhere", "https://", "git_unreachable"],
  ["to itself", `/moved/shop.git${DISCOVERY}`, "git_unreachable"],
];

test.each(NOT_FOLLOWED)("a redirect %s is not followed", async (_, to, code) => {
  redirect(to);
  expect((await faultOf(at.fetch("moved/shop.git", "main", mine()))).code).toBe(code);
});

test("a redirect to this machine or its link is refused, and nothing is asked there", async () => {
  // The first host is allowed here, as a company's would be; all others are judged as they are in a cluster.
  const judged = guardedResolve(new Set());
  const resolve = async (host: string) => (host === "git.test" ? ["127.0.0.1"] : await judged(host));
  const start = `${at.server.origin.replace("127.0.0.1", "git.test")}/moved/shop.git`;
  for (const target of [
    other.origin,
    other.origin.replace("127.0.0.1", "localhost"),
    other.origin.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
    "https://169.254.169.254",
  ]) {
    redirect(`${target}/shop.git${DISCOVERY}`);
    expect((await faultOf(at.fetch(start, "main", { resolve }))).code).toBe("git_refused");
  }
  expect(other.requests).toEqual([]);
});

test("a name that means another address each time is asked for each connection, and judged each time", async () => {
  const answers = [["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]];
  const strict = guardedResolve(new Set(), async () => answers.shift() ?? []);
  const resolve = async (host: string) => (answers.length > 1 ? (answers.shift() ?? []) : await strict(host));
  const url = `${at.server.origin.replace("127.0.0.1", "git.test")}/shop.git`;
  expect((await faultOf(at.fetch(url, "main", { resolve }))).code).toBe("git_refused");
  expect(at.server.requests).toHaveLength(2);
});

test("a request for data is never redirected", async () => {
  whenAskedForPack(() => new Response(null, { status: 307, headers: { location: `${other.origin}/shop.git/git-upload-pack` } }));
  expect((await faultOf(at.fetch("shop.git", "main", mine()))).code).toBe("git_refused");
  expect(other.requests).toEqual([]);
});

test("a certificate that is not trusted, or of another name, ends the fetch before anything is sent", async () => {
  const untrusted = await faultOf(at.fetch("private/shop.git", "main", { credential: { ...mine().credential, ca: other.ca } }));
  expect(untrusted).toMatchObject({ code: "git_unreachable", details: { host: at.server.host, why: "certificate" } });
  const host = at.server.host.replace("127.0.0.1", "wrong.test");
  const misnamed = await faultOf(at.fetch(`https://${host}/private/shop.git`, "main", { credential: { ...mine().credential, host } }));
  expect(misnamed).toMatchObject({ code: "git_unreachable", details: { why: "certificate" } });
  expect(at.server.requests).toEqual([]);
});

test("one that somebody vouches for whom the admin trusts is trusted without a credential", async () => {
  const extraCas = `${other.ca}${at.server.ca}`;
  expect((await at.fetch("shop.git", "main", { credential: { ca: undefined }, extraCas })).commit).toBe(commit);
});

test("another address of the same name is tried when the first does not answer", async () => {
  const url = `${at.server.origin.replace("127.0.0.1", "git.test")}/shop.git`;
  expect((await at.fetch(url, "main", { resolve: async () => ["127.0.0.2", "127.0.0.1"] })).commit).toBe(commit);
  expect((await faultOf(at.fetch(url, "main", { resolve: async () => ["127.0.0.2"] }))).code).toBe("git_unreachable");
});

test.each([
  [404, "git_repository_not_found"],
  [403, "git_auth"],
  [500, "git_unreachable"],
  [503, "git_unreachable"],
] as const)("status %i is told as %s", async (status, code) => {
  at.server.misbehave = () => new Response("no", { status });
  expect((await faultOf(at.fetch("shop.git"))).code).toBe(code);
});

test("a web page is no git repository, whatever its status says", async () => {
  at.server.misbehave = () => new Response("<html>", { headers: { "content-type": "text/html" } });
  const fault = await faultOf(at.fetch("shop.git"));
  expect(fault.code).toBe("git_repository_not_found");
  expect(fault.message).toContain("'text/html'");
});

test.each(["", "0000", "hello", "ffff", "0004", "001e# service=git-upload-pack\n0000"])(
  "an answer that is not git's (%p) is told as such",
  async (text) => {
    at.server.misbehave = () => new Response(text, { headers: { "content-type": "application/x-git-upload-pack-advertisement" } });
    expect(["git_unreachable", "git_revision_not_found"]).toContain((await faultOf(at.fetch("shop.git"))).code);
  },
);

test("a server that says nothing is not waited for longer than the limit, at each step", async () => {
  const never = new Promise<Response>(() => {});
  for (const step of [1, 2, 3]) {
    let requests = 0;
    at.server.misbehave = (_, git) => (++requests === step ? never : git());
    const fault = await faultOf(at.fetch("shop.git", "main", { limits: { silenceMs: 300 } }));
    expect(fault).toMatchObject({ code: "git_unreachable", message: "the git server has said nothing for 0.3 s", details: { host: at.server.host } });
  }
});

test("a server that goes silent in the middle of a pack is not waited for either", async () => {
  whenAskedForPack(async (git) => {
    const bytes = new Uint8Array(await git.arrayBuffer()).subarray(0, 30_000);
    return new Response(new ReadableStream({ start: (stream) => stream.enqueue(bytes) }), git);
  });
  expect((await faultOf(at.fetch("shop.git", "main", { limits: { silenceMs: 300 } }))).message).toContain("said nothing");
});

test("a server that sends a byte now and then is ended by the fetch's own time", async () => {
  const begun = Promise.withResolvers<void>();
  whenAskedForPack((git) => {
    const pull = async (stream: ReadableStreamDefaultController) => {
      await new Promise((resolve) => setImmediate(resolve));
      stream.enqueue(Buffer.from("0"));
      begun.resolve();
    };
    return new Response(new ReadableStream({ pull }), git);
  });
  const limit = new AbortController();
  const fetched = faultOf(at.fetch("shop.git", "main", { signal: limit.signal }));
  await begun.promise;
  limit.abort(new Fault("git_unreachable", "too slow"));
  expect(await fetched).toMatchObject({ code: "git_unreachable", message: "too slow" });
});

test.each([
  ["in the middle", (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2)],
  ["before its last bytes", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 30)],
  ["before the end is said", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 4)],
  ["before it began", () => new Uint8Array()],
])("a pack that is cut %s is told to be cut", async (_, cut) => {
  whenAskedForPack(async (git) => new Response(cut(new Uint8Array(await git.arrayBuffer())), { headers: git.headers }));
  const fault = await faultOf(at.fetch("shop.git"));
  expect(fault.code).toBe("git_unreachable");
  expect(fault.message).toMatch(/broke off|damaged/);
});

test("a connection that breaks within an answer is told", async () => {
  const leaf = at.server.leaf;
  using broken = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: leaf.certificate, key: leaf.key.reveal() },
    socket: {
      data: (socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/x-git-upload-pack-advertisement\r\ncontent-length: 5000\r\n\r\n001e# service");
        socket.end();
      },
    },
  });
  expect((await faultOf(at.fetch(`https://127.0.0.1:${broken.port}/shop.git`))).code).toBe("git_unreachable");
});

test("a pack with a byte that is wrong is found out", async () => {
  whenAskedForPack(async (git) => {
    const bytes = new Uint8Array(await git.arrayBuffer());
    bytes[bytes.length - 1000] = (bytes[bytes.length - 1000] ?? 0) ^ 1;
    return new Response(bytes, git);
  });
  expect(await faultOf(at.fetch("shop.git"))).toMatchObject({ code: "git_unreachable", message: expect.stringContaining("damaged") });
});

test("a pack without an end is cut off at the limit", async () => {
  const piece = Buffer.concat([Buffer.from("fff0\x01"), Buffer.alloc(0xfff0 - 5)]);
  const cut = Promise.withResolvers<void>();
  whenAskedForPack((git) => new Response(new ReadableStream({ pull: (stream) => stream.enqueue(piece), cancel: () => cut.resolve() }), git));
  const fault = await faultOf(at.fetch("shop.git", "main", { limits: { received: 64 * 1024 * 1024 } }));
  expect(fault).toMatchObject({ code: "git_too_large", message: "the git server sends more than 64 MiB" });
  await cut.promise;
});

test("what a server says is told without what would move a terminal's cursor", async () => {
  whenAskedForPack(() => new Response(packet("ERR \x1b[2Jno!"), { headers: { "content-type": "application/x-git-upload-pack-result" } }));
  expect(await faultOf(at.fetch("shop.git"))).toMatchObject({ code: "git_unreachable", message: `${at.server.host} says: [2Jno!` });
});

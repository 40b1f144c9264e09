import { afterAll, beforeAll, expect } from "bun:test";
import { randomBytes } from "node:crypto";
import type { PushEvent, PushResult } from "#shared/push-event";
import { newAuthority } from "#shared/tls/signing";
import { type ForwardProxy, forwardProxy } from "#test/forward-proxy";
import { repository } from "#test/git-repository";
import { type GitServer, gitServer } from "#test/git-server";
import { installAgain } from "#test/installed-with";
import { appFiles, davit, folder, kubectl, parseEvents, push, type TestTenant, tenant } from "#test/lab";
import { onLab, labTest as test } from "#test/lab-test";
import { images, objects } from "#test/secrets/places";
import { Scanner } from "#test/secrets/scan";
import { temporaryFolder } from "#test/temporary";
import { clusterOf } from "../../scripts/cluster/register.ts";

/* A company's network: its own CA signed for its servers, whose names only its proxy knows. */

const [GIT, PACKAGES] = ["git.company.test", "packages.company.test"];
const PASSWORD = `company: "+/&=\\ü ${randomBytes(12).toString("hex")}`;

const resources = new AsyncDisposableStack();
let company: GitServer;
let proxy: ForwardProxy;
let space: TestTenant;

beforeAll(async () => {
  if (!onLab) return;
  const { net } = clusterOf(process.env);
  const { host } = net;
  const repositories = resources.use(await temporaryFolder());
  company = resources.use(await gitServer({ root: repositories.path, hostname: host, names: [GIT, PACKAGES] }));
  const login = { user: "davit", password: PASSWORD };
  proxy = resources.use(await forwardProxy({ login, hostname: host, hosts: { [GIT]: host, [PACKAGES]: host } }));
  company.misbehave = (request, git) => (new URL(request.url).pathname === "/package" ? new Response("a package") : git());
  const code = await repository(repositories.path, "shop.git");
  await code.commit({ Dockerfile: dockerfile(), "server.ts": SERVER });
  space = resources.use(await tenant("trust"));
  using files = folder({ "company.crt": (await newAuthority()).certificate + company.ca });
  resources.defer(() => installAgain(...NOTHING));
  await installAgain("--trust-ca", `${files.path}/company.crt`, "--https-proxy", proxy.url, "--no-proxy", net.node);
}, 120_000);
afterAll(() => resources.disposeAsync(), 120_000);

const NOTHING = ["--trust-ca", "", "--https-proxy", "", "--no-proxy", ""];
const at = (name: string): string => `${name}:${new URL(company.origin).port}`;

/** The lab's bun image says itself whom bun trusts, so bun is told of one of the other variables. */
const dockerfile = (): string => {
  const download = `await Bun.write("package", await fetch("https://${at(PACKAGES)}/package"))`;
  const told = 'console.log("told: " + process.env.PIP_CERT + " " + process.env.DENO_CERT)';
  return `FROM oven/bun:1
WORKDIR /app
RUN NODE_EXTRA_CA_CERTS=$CURL_CA_BUNDLE bun -e '${download}; ${told}'
COPY server.ts .
CMD ["bun", "server.ts"]
`;
};

const SERVER = `
const text = await Bun.file("package").text();
Bun.serve({ port: process.env.PORT, fetch: () => new Response(text) });
process.on("SIGTERM", () => process.exit(0));
`;

async function pushGit(host: string, ...more: string[]): Promise<{ result: PushResult; logged: string[]; printed: string }> {
  const done = await davit(["push", "--name", space.app("shop"), "-n", space.name, "--git", `https://${host}/shop.git`, "-o", "events", ...more]);
  const events: PushEvent[] = parseEvents(done.stdout);
  const last = events.at(-1);
  if (last?.type !== "done") throw new Error(`the push did not end (exit ${done.code}): ${done.stderr}`);
  return { result: last.result, logged: events.flatMap((event) => (event.type === "log" ? [event.line] : [])), printed: done.stdout };
}

const digestOf = ({ image }: PushResult): string => image?.split("@")[1] ?? "";

test("git is fetched and a build downloads by the proxy, trusting the admin's CA; nothing of either is in the image, and the password in no place but its Secret", async () => {
  const { result, logged, printed } = await pushGit(at(GIT));
  expect(result).toMatchObject({ outcome: "live" });
  expect(await (await fetch(result.url ?? "")).text()).toBe("a package");
  expect(logged).toContain("told: /davit/trust/public.crt /davit/trust/extra.crt");
  const inside = ["agent-s3", "build-s3", "build-registry"].flatMap((hop) => ["--only", hop]);
  expect((await davit(["doctor", ...inside])).code).toBe(0);
  // Nothing that is inside goes by the proxy, and nobody comes without the login.
  expect([new Set(proxy.passed), proxy.refused]).toEqual([new Set([at(GIT), at(PACKAGES)]), []]);

  using plain = folder(appFiles("plain"));
  const other = await push(plain.path, ["--name", space.app("plain"), "-n", space.name]);
  const found = await images(space.name, [
    { app: space.app("shop"), digest: digestOf(result) },
    { app: space.app("plain"), digest: digestOf(other) },
  ]);
  const sought = {
    CA: company.ca,
    "its file": "/davit/trust/extra.crt",
    "the bundle": "/davit/trust/public.crt",
    variable: "ARG NODE_EXTRA_CA_CERTS",
    "the proxy": new URL(proxy.url).host,
  };
  const [scanner, control] = [new Scanner(sought), new Scanner({ instruction: "NODE_EXTRA_CA_CERTS=$CURL_CA_BUNDLE bun -e" })];
  expect(found.flatMap((place) => scanner.leaks(place))).toEqual([]);
  expect(found.flatMap((place) => control.leaks(place))).not.toEqual([]);

  const log = { place: "the agent's log", content: await kubectl("logs", "-n", "davit", "deployment/davit-agent", "-c", "agent") };
  const password = new Scanner({ password: PASSWORD, "in a URL": new URL(proxy.url).password });
  const places = [...found, ...(await objects()), log, { place: "what the push printed", content: printed }];
  expect(places.flatMap((place) => password.leaks(place))).toEqual([]);
}, 120_000);

test("what was built is taken from the cache", async () => {
  const { result, logged } = await pushGit(at(GIT), "--rebuild");
  expect(result).toMatchObject({ outcome: "live" });
  expect(logged.join("\n")).toContain("Using caching version of cmd: RUN");
}, 60_000);

test("a fault tells the line of the user's own Dockerfile", async () => {
  using wrong = folder({ Dockerfile: "FROM oven/bun:1\n\nRUNN true\n" });
  const { fault } = await push(wrong.path, ["--name", space.app("wrong"), "-n", space.name]);
  expect(fault).toMatchObject({ code: "dockerfile_invalid", message: expect.stringContaining("on line 3") });
}, 60_000);

test("once they are taken away the proxy is not asked and the CA not trusted", async () => {
  await installAgain(...NOTHING);
  proxy.passed.length = 0;
  const { result } = await pushGit(company.host, "--rebuild");
  expect(result).toMatchObject({ outcome: "failed", fault: { code: "git_unreachable", details: { why: "certificate" } } });
  expect(proxy.passed).toEqual([]);
}, 90_000);

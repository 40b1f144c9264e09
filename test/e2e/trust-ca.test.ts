import { afterAll, beforeAll, expect } from "bun:test";
import type { PushEvent, PushResult } from "#shared/push-event";
import { newAuthority } from "#shared/tls/signing";
import { repository } from "#test/git-repository";
import { type GitServer, gitServer } from "#test/git-server";
import { installAgain } from "#test/installed-with";
import { appFiles, davit, folder, parseEvents, push, type TestTenant, tenant } from "#test/lab";
import { onLab, labTest as test } from "#test/lab-test";
import { images } from "#test/secrets/places";
import { Scanner } from "#test/secrets/scan";
import { temporaryFolder } from "#test/temporary";
import { clusterOf } from "../../scripts/cluster/register.ts";

/* A company's own CA, which signed for its git server and for the packages that builds download. */

const resources = new AsyncDisposableStack();
let company: GitServer;
let space: TestTenant;

beforeAll(async () => {
  if (!onLab) return;
  const repositories = resources.use(await temporaryFolder());
  company = resources.use(await gitServer({ root: repositories.path, hostname: clusterOf(process.env).net.host }));
  company.misbehave = (request, git) => (new URL(request.url).pathname === "/package" ? new Response("a package") : git());
  const code = await repository(repositories.path, "shop.git");
  await code.commit({ Dockerfile: dockerfile(), "server.ts": SERVER });
  space = resources.use(await tenant("trust"));
  using files = folder({ "company.crt": (await newAuthority()).certificate + company.ca });
  resources.defer(() => installAgain("--trust-ca", ""));
  await installAgain("--trust-ca", `${files.path}/company.crt`);
}, 120_000);
afterAll(() => resources.disposeAsync(), 120_000);

/** The lab's bun image says itself whom bun trusts, so bun is told of one of the other variables. */
const dockerfile = (): string => {
  const download = `await Bun.write("package", await fetch("${company.origin}/package"))`;
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

async function pushGit(...more: string[]): Promise<{ result: PushResult; logged: string[] }> {
  const done = await davit(["push", "--name", space.app("shop"), "-n", space.name, "--git", `${company.origin}/shop.git`, "-o", "events", ...more]);
  const events: PushEvent[] = parseEvents(done.stdout);
  const last = events.at(-1);
  if (last?.type !== "done") throw new Error(`the push did not end (exit ${done.code}): ${done.stderr}`);
  return { result: last.result, logged: events.flatMap((event) => (event.type === "log" ? [event.line] : [])) };
}

const digestOf = ({ image }: PushResult): string => image?.split("@")[1] ?? "";

test("git is fetched from, and a build downloads from, a server of the admin's CA, of which nothing is in the image", async () => {
  const { result, logged } = await pushGit();
  expect(result).toMatchObject({ outcome: "live" });
  expect(await (await fetch(result.url ?? "")).text()).toBe("a package");
  expect(logged).toContain("told: /davit/trust/public.crt /davit/trust/extra.crt");

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
  };
  const [scanner, control] = [new Scanner(sought), new Scanner({ instruction: "NODE_EXTRA_CA_CERTS=$CURL_CA_BUNDLE bun -e" })];
  expect(found.flatMap((place) => scanner.leaks(place))).toEqual([]);
  expect(found.flatMap((place) => control.leaks(place))).not.toEqual([]);
}, 120_000);

test("what was built is taken from the cache", async () => {
  const { result, logged } = await pushGit("--rebuild");
  expect(result).toMatchObject({ outcome: "live" });
  expect(logged.join("\n")).toContain("Using caching version of cmd: RUN");
}, 60_000);

test("a fault tells the line of the user's own Dockerfile", async () => {
  using wrong = folder({ Dockerfile: "FROM oven/bun:1\n\nRUNN true\n" });
  const { fault } = await push(wrong.path, ["--name", space.app("wrong"), "-n", space.name]);
  expect(fault).toMatchObject({ code: "dockerfile_invalid", message: expect.stringContaining("on line 3") });
}, 60_000);

test("the CA is trusted no more once it is taken away", async () => {
  await installAgain("--trust-ca", "");
  const { result } = await pushGit("--rebuild");
  expect(result).toMatchObject({ outcome: "failed", fault: { code: "git_unreachable", details: { why: "certificate" } } });
}, 90_000);

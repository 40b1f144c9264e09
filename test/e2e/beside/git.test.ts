import { afterAll, beforeAll, expect } from "bun:test";
import { randomBytes } from "node:crypto";
import type { V1Job, V1Pod } from "#shared/kube/objects";
import type { PushEvent, PushResult } from "#shared/push-event";
import { type Repository, repository } from "#test/git-repository";
import { GIT_PASSWORD, GIT_USER, type GitServer, gitServer } from "#test/git-server";
import { appFiles, davit, folder, kube, kubectl, parseEvents, push, server, start, type TestTenant, tenant } from "#test/lab";
import { onLab, labTest as test } from "#test/lab-test";
import { live } from "#test/live";
import { temporaryFolder } from "#test/temporary";
import { clusterOf } from "../../../scripts/cluster/register.ts";

/* A real git server on this machine, at the address of its link to the cluster, from which Pods fetch. */

let git: GitServer;
let repositories: Awaited<ReturnType<typeof temporaryFolder>>;
let shop: Repository;
let space: TestTenant;

beforeAll(async () => {
  if (!onLab) return;
  repositories = await temporaryFolder();
  git = await gitServer({ root: repositories.path, hostname: clusterOf(process.env).net.host });
  shop = await repository(repositories.path, "shop.git");
  space = await tenant("git");
  await credential("work", GIT_PASSWORD);
}, 60_000);
afterAll(async () => {
  if (!onLab) return;
  await space[Symbol.asyncDispose]();
  await git[Symbol.asyncDispose]();
  await repositories[Symbol.asyncDispose]();
}, 120_000);

/** Keeps a credential for the git server, whose CA only this test knows, until it is disposed of. */
async function credential(name: string, password: string): Promise<AsyncDisposable> {
  using files = folder({ "ca.crt": git.ca });
  const made = await davit(
    ["git-credential", "create", name, "--host", git.host, "--username", GIT_USER, "--password-stdin", "--ca-file", "ca.crt", "-n", space.name],
    { cwd: files.path, stdin: password },
  );
  if (made.code !== 0) throw new Error(made.stderr);
  return { [Symbol.asyncDispose]: async () => void (await davit(["git-credential", "delete", name, "-n", space.name])) };
}

async function pushGit(app: string, source: string, more: readonly string[] = []): Promise<PushResult & { exit: number; stderr: string }> {
  const done = await davit(["push", "--name", space.app(app), "-n", space.name, "--git", `${git.origin}/${source}`, "-o", "json", ...more]);
  if (done.stdout.trim() === "") throw new Error(`nothing was printed (exit ${done.code}): ${done.stderr}`);
  return { ...(JSON.parse(done.stdout) as PushResult), exit: done.code, stderr: done.stderr };
}

const answerOf = async ({ url }: PushResult): Promise<string> => await (await fetch(url ?? "")).text();

async function fetchJobs(): Promise<V1Job[]> {
  const cluster = await kube();
  const labels = `app.kubernetes.io/component=fetch,davit.dev/namespace=${space.name}`;
  return await cluster.list<V1Job>({ apiVersion: "batch/v1", kind: "Job", namespace: "davit-staging" }, { labels });
}

test("a branch, a tag and a commit become URLs that answer; a commit that serves already is unchanged", async () => {
  const one = await shop.commit(appFiles("one"));
  await shop.git("tag", "-m", "the first", "v1", one);
  const first = await pushGit("shop", "shop.git,main");
  expect(first).toMatchObject({ outcome: "live", revision: 1, exit: 0, source: `git:${git.origin}/shop.git@${one}` });
  expect(await answerOf(first)).toBe("one");
  expect(Object.keys(first.phases)).toContain("fetch");

  const again = await pushGit("shop", "shop.git,v1");
  expect(again).toMatchObject({ outcome: "unchanged", image: first.image, url: first.url, exit: 0 });

  const two = await shop.commit({ "server.ts": server("two") });
  const second = await pushGit("shop", "shop.git");
  expect(second).toMatchObject({ outcome: "live", source: `git:${git.origin}/shop.git@${two}` });
  expect(await answerOf(second)).toBe("two");

  const back = await pushGit("shop", `shop.git,${one.slice(0, 9)}`);
  expect(back).toMatchObject({ outcome: "live", image: first.image, source: `git:${git.origin}/shop.git@${one}` });
  expect(back.reused.build).toBe(true);
  expect(await answerOf(back)).toBe("one");
  expect(await fetchJobs()).toEqual([]);
}, 180_000);

test("the same files from a folder are the same build", async () => {
  await shop.commit(appFiles("alike"), "alike");
  const fetched = await pushGit("alike", "shop.git,alike");
  using same = folder(appFiles("alike"));
  const pushed = await push(same.path, ["--name", space.app("alike"), "-n", space.name]);
  expect(pushed).toMatchObject({ outcome: "unchanged", image: fetched.image });
}, 120_000);

test("a commit is built again as it was fetched, though its branch has moved on and the server is away", async () => {
  const then = await shop.commit(appFiles("then"), "moving");
  await pushGit("restaged", "shop.git,moving");
  await shop.commit({ "server.ts": server("now") }, "moving");
  git.misbehave = () => new Response("away", { status: 503 });
  const restaged = await davit(["app", "restage", space.app("restaged"), "-n", space.name, "-o", "json"]);
  git.misbehave = (_, answer) => answer();
  expect(JSON.parse(restaged.stdout)).toMatchObject({ outcome: "live", source: `git:${git.origin}/shop.git@${then}` });
}, 120_000);

test("a private repository is open with its host's credential; nothing in the cluster or in the log shows the password", async () => {
  await shop.commit(appFiles("private"), "private");
  const pushed = await pushGit("private", "private/shop.git,private");
  expect(pushed).toMatchObject({ outcome: "live", exit: 0 });
  const seen = [
    await kubectl("get", "revisions,apps,events,pods", "-n", space.name, "-o", "yaml"),
    await kubectl("get", "events,pods,jobs", "-n", "davit-staging", "-o", "yaml"),
    await kubectl("logs", "-n", "davit", "deployment/davit-agent", "-c", "agent"),
    (await davit(["git-credential", "list", "-n", space.name, "-o", "json"])).stdout,
    pushed.stderr,
  ].join("\n");
  for (const form of [GIT_PASSWORD, btoa(GIT_PASSWORD), btoa(`${GIT_USER}:${GIT_PASSWORD}`)]) expect(seen).not.toContain(form);
}, 120_000);

test("a wrong credential, two of one host and one of another host are told with what to type", async () => {
  await using _ = await credential("wrong", "not it");
  const unclear = await pushGit("closed", "private/shop.git");
  expect(unclear).toMatchObject({ outcome: "failed", exit: 2, fault: { code: "usage", message: expect.stringContaining("work, wrong") } });
  const closed = await pushGit("closed", "private/shop.git", ["--git-credential", "wrong"]);
  expect(closed).toMatchObject({ outcome: "failed", exit: 43, fault: { code: "git_auth", details: { credential: "wrong", host: git.host } } });
  expect(closed.stderr).toContain("davit git-credential delete wrong");
  const elsewhere = await davit([
    "push",
    "--name",
    space.app("closed"),
    "-n",
    space.name,
    "--git",
    "https://github.com/a/b",
    "--git-credential",
    "work",
  ]);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringContaining(`is for ${git.host} and is sent to no other host`)]);
  expect((await davit(["git-credential", "delete", "wrong", "-n", space.name])).code).toBe(0);
  expect((await pushGit("closed", "private/shop.git", ["--git-credential", "wrong"])).exit).toBe(3);
}, 120_000);

test.each([
  ["shop.git,no-such-branch", 45, "git_revision_not_found"],
  ["no-such.git", 44, "git_repository_not_found"],
])(
  "%s is told to be missing, and leaves nothing behind",
  async (source, exit, code) => {
    const missing = await pushGit("missing", source);
    expect(missing).toMatchObject({ outcome: "failed", exit, fault: { code } });
    expect(await fetchJobs()).toEqual([]);
  },
  60_000,
);

test("a repository without a Dockerfile, and one with a file of Git LFS, are refused before anything is built", async () => {
  await shop.commit({ Dockerfile: null, "README.md": "hello" }, "bare");
  expect(await pushGit("bare", "shop.git,bare")).toMatchObject({ outcome: "failed", exit: 18, fault: { code: "no_dockerfile" } });
  await shop.commit({ ...appFiles("lfs"), "logo.png": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n" }, "lfs");
  expect(await pushGit("lfs", "shop.git,lfs")).toMatchObject({
    exit: 46,
    fault: { code: "git_refused", message: expect.stringContaining("logo.png") },
  });
}, 120_000);

test.each(["https://127.0.0.1:8443/x", "https://localhost/x", "https://169.254.169.254/latest", "https://[::ffff:7f00:1]/x"])(
  "%s is refused before a revision is made of it",
  async (url) => {
    const refused = await davit(["push", "--name", space.app("inside"), "-n", space.name, "--git", url, "-o", "json"]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ revision: null, fault: { code: "git_refused" } });
    const plan = await davit(["push", "--name", space.app("inside"), "-n", space.name, "--git", url, "--dry-run"]);
    expect([plan.code, plan.stderr]).toEqual([46, expect.stringContaining("(git_refused)")]);
  },
);

test.each(["https://davit-agent.davit.svc.cluster.local:8443/x", "https://kubernetes.default.svc/x", "https://registry.davit:5000/x"])(
  "%s, a service that is no git server, is refused by the Pod that would fetch",
  async (url) => {
    const refused = await davit(["push", "--name", space.app("inside"), "-n", space.name, "--git", url, "-o", "json"]);
    expect(JSON.parse(refused.stdout)).toMatchObject({ outcome: "failed", fault: { code: "git_refused" } });
  },
  60_000,
);

test("what fetches is restricted, and gone afterwards with the order that it had", async () => {
  const fetching = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  await shop.commit(appFiles("looked at"), "looked");
  git.misbehave = async (_, answer) => {
    fetching.resolve();
    await looked.promise;
    return await answer();
  };
  const pushing = pushGit("looked", "shop.git,looked");
  await fetching.promise;
  const cluster = await kube();
  const [job] = await fetchJobs();
  const labels = `batch.kubernetes.io/job-name=${job?.metadata?.name}`;
  const [pod] = await cluster.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: "davit-staging" }, { labels });
  git.misbehave = (_, answer) => answer();
  looked.resolve();
  expect(pod?.spec).toMatchObject({
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [{ securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } }],
  });
  // What the cluster itself calls restricted: a dry run in a namespace that enforces it.
  const { nodeName: _, ...spec } = pod?.spec ?? {};
  await kubectl("create", "namespace", `${space.name}-restricted`);
  await kubectl("label", "namespace", `${space.name}-restricted`, "pod-security.kubernetes.io/enforce=restricted");
  const trial = { apiVersion: "v1", kind: "Pod", metadata: { name: "trial", namespace: `${space.name}-restricted` }, spec };
  const judged = await cluster.fetch(`/api/v1/namespaces/${space.name}-restricted/pods`, { method: "POST", query: { dryRun: "All" }, body: trial });
  expect([judged.status, judged.ok ? "" : await judged.text()]).toEqual([201, ""]);
  await kubectl("delete", "namespace", `${space.name}-restricted`, "--wait=false");
  expect((await pushing).outcome).toBe("live");
  expect(await fetchJobs()).toEqual([]);
}, 120_000);

test("the Pod that fetches is deleted: another one fetches, which nobody has to be told", async () => {
  await shop.commit(appFiles("lost"), "lost");
  const asked = Promise.withResolvers<void>();
  git.misbehave = () => {
    asked.resolve();
    return new Promise(() => {});
  };
  const pushing = pushGit("lost", "shop.git,lost");
  await asked.promise;
  const lost = await fetchJobs();
  git.misbehave = (_, answer) => answer();
  await kubectl("-n", "davit-staging", "delete", "pod", "-l", `batch.kubernetes.io/job-name=${lost[0]?.metadata?.name}`, "--grace-period=1");
  expect(await pushing).toMatchObject({ outcome: "live", revision: 1, exit: 0 });
  expect(await fetchJobs()).toEqual([]);
}, 120_000);

test.each(["before the git server answers", "while the source is fetched and sent"])(
  "the agent is killed %s: the push goes on where it was, and nothing is told twice",
  async (moment) => {
    const early = moment.startsWith("before");
    const branch = early ? "early" : "late";
    await shop.commit({ ...appFiles(branch), ...(early ? {} : { "large.bin": randomBytes(30 << 20) }) }, branch);
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    git.misbehave = async (_, answer) => {
      asked.resolve();
      if (early) await go.promise;
      return await answer();
    };
    const pushing = start(["push", "--name", space.app(branch), "-n", space.name, "--git", `${git.origin}/shop.git,${branch}`, "-o", "events"]);
    const events = Array.fromAsync(live(pushing.stdout));
    await asked.promise;
    const before = (await fetchJobs()).map(({ metadata }) => metadata?.uid);
    await kubectl("-n", "davit", "delete", "pod", "-l", "app.kubernetes.io/component=agent", "--grace-period=0", "--force", "--wait=false");
    expect(before).toHaveLength(1);
    go.resolve();
    expect(await pushing.exited).toBe(0);
    const told = await events;
    git.misbehave = (_, answer) => answer();
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
    expect(told.at(-1)).toMatchObject({ type: "done", result: { outcome: "live", revision: 1 } });
    const phases = told.flatMap((event: PushEvent) =>
      event.type === "phase-started" || event.type === "phase-ended" ? [`${event.type} ${event.phase}`] : [],
    );
    expect(phases.filter((phase) => phase.endsWith("fetch"))).toEqual(["phase-started fetch", "phase-ended fetch"]);
    expect(told.filter((event) => event.type === "notice" && event.message.startsWith("fetched branch"))).toHaveLength(1);
    expect(await fetchJobs()).toEqual([]);
  },
  180_000,
);

test("an app that is deleted while it is fetched takes the fetch with it", async () => {
  const asked = Promise.withResolvers<void>();
  git.misbehave = () => {
    asked.resolve();
    return new Promise(() => {});
  };
  const pushing = davit(["push", "--name", space.app("gone"), "-n", space.name, "--git", `${git.origin}/shop.git`, "-o", "events"]);
  await asked.promise;
  expect((await davit(["app", "delete", space.app("gone"), "-n", space.name, "--yes"])).code).toBe(0);
  git.misbehave = (_, answer) => answer();
  expect(parseEvents((await pushing).stdout).at(-1)).toMatchObject({ type: "done", result: { fault: { code: "app_deleting" } } });
  expect(await fetchJobs()).toEqual([]);
}, 60_000);

import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { AppSummary, ConfigurationSummary } from "#shared/app";
import type { V1Deployment, V1Ingress, V1PersistentVolumeClaim, V1Service } from "#shared/kube/objects";
import { type Commands, commandsIn } from "#test/commands";
import { EpinioWorld, TELLING_APP } from "#test/epinio";
import { attacker, faultOf } from "#test/hostile";
import { davit, folder, kube, start, tenant } from "#test/lab";
import { labTest, onLab } from "#test/lab-test";
import { door, logIn, member } from "#test/member";
import { publishApp } from "#test/mirror";

/*
 * What docs/epinio.md promises, number by number (test/unit/epinio.test.ts sees to it that none is left out). Each proof
 * leaves the apps so that the others need not care.
 */

let world: EpinioWorld;
let names: EpinioWorld["names"];
let must: Commands["must"];
let json: Commands["json"];
let refusal: Commands["refusal"];

beforeAll(async () => {
  if (!onLab) return;
  world = await EpinioWorld.start();
  names = world.names;
  ({ must, json, refusal } = world.cli);
}, 120_000);
afterAll(async () => void (onLab && (await world[Symbol.asyncDispose]())), 120_000);
function behaviour(no: number, what: string, proof: () => Promise<void>): void {
  labTest(`${no}: ${what}`, proof, 120_000);
}

behaviour(1, "a name that cannot be one is refused by the command line and by the API", async () => {
  expect(await refusal("push", "--name", "BOGUS", "--path", world.source.path)).toMatchObject({ exit: 2, code: "name_invalid" });
  const { raw } = await attacker(world.dev.token);
  const answer = await raw("POST", `/v1/namespaces/${world.space.name}/apps/BOGUS/revisions`, { body: "{}" });
  expect([answer.status, (await answer.text()).includes("lower-case")]).toEqual([400, true]);
});

behaviour(2, "settings are given with the first push, and shown", async () => {
  const shown = await world.show(names.main);
  expect(shown).toMatchObject({ instances: 2, ready: 2, configurations: ["settings"], envNames: ["COMPLEX", "CREDO"] });
  expect(await world.ask("/env?name=COMPLEX")).toBe("-X foo=bar");
});

behaviour(3, "a manifest that is written from an app pushes it again as it is", async () => {
  using again = folder({ ...TELLING_APP, "davit.yml": await must("manifest", "show", names.main) });
  expect(await json("push", join(again.path, "davit.yml"))).toMatchObject({ app: names.main, outcome: "unchanged" });
});

behaviour(4, "two sources are refused", async () => {
  const both = await refusal("push", "--name", "x", "--path", world.source.path, "--git", "https://git.example.com/x", "--image", "nginx");
  expect(both).toMatchObject({ exit: 2, code: "usage", message: expect.stringContaining("--path and --git and --image") });
});

behaviour(5, "a git reference of three parts is refused", async () => {
  expect(await refusal("push", "--name", "x", "--git", "a,b,c")).toMatchObject({ exit: 2, message: expect.stringContaining("URL,REVISION") });
});

behaviour(6, "a repository is pushed by branch, tag or commit", async () => {
  const { git, repository } = world;
  for (const revision of ["", ",main", ",v1", `,${world.commit.slice(0, 8)}`]) {
    const result = await json("push", "--name", names.git, "--git", `${git.origin}/${repository}${revision}`, "--git-credential", "right");
    expect(result).toMatchObject({ outcome: revision === "" ? "live" : "unchanged", source: `git:${git.origin}/${repository}@${world.commit}` });
  }
  expect(await world.show(names.git)).toMatchObject({ status: "live", ready: 1 });
});

behaviour(7, "a private repository needs its credential", async () => {
  const url = `${world.git.origin}/private/${world.repository}`;
  const refused = await refusal("push", "--name", names.git, "--git", url, "--git-credential", "wrong");
  expect(refused).toMatchObject({ exit: 43, code: "git_auth" });
  expect(await json("push", "--name", names.git, "--git", url, "--git-credential", "right")).toMatchObject({ outcome: "unchanged" });
});

behaviour(8, "an image is run without staging, and cannot be staged again", async () => {
  const repository = `davit-test/${world.space.name}`;
  const digest = await publishApp(repository, "1", "ready made");
  const result = await json("push", "--name", names.ready, "--image", `${repository}:1`);
  expect(result).toMatchObject({ outcome: "live", image: `docker.io/${repository}@${digest}`, sent: { bytes: 0 } });
  expect(await (await fetch(result.url)).text()).toBe("ready made");
  expect(await refusal("app", "restage", names.ready)).toMatchObject({ exit: 2, code: "usage" });
});

behaviour(9, "instances can be changed, but not to fewer than none", async () => {
  await must("app", "scale", names.main, "3");
  expect(await world.show(names.main)).toMatchObject({ ready: 3, instances: 3 });
  expect(await refusal("app", "update", names.main, "--instances=-1")).toMatchObject({ exit: 2, code: "usage" });
  const { client } = await attacker(world.dev.token);
  expect((await faultOf(client.createRevision({ namespace: world.space.name, app: names.main, body: { instances: -1 } }))).code).toBe("usage");
  await must("app", "scale", names.main, "2");
});

behaviour(10, "one instance unless told otherwise, and what was set stays", async () => {
  expect(await world.show(names.plain)).toMatchObject({ instances: 1, ready: 1 });
  await must("push", "--name", names.main, "--path", world.source.path, "--env", "AGAIN=1");
  expect(await world.show(names.main)).toMatchObject({ instances: 2, ready: 2 });
});

behaviour(11, "an app of no instance is listed so, and comes back", async () => {
  await must("push", "--name", names.plain, "--path", world.source.path, "--instances", "0");
  const listed = AppSummary.array().parse(await json("app", "list"));
  expect(listed.find(({ name }) => name === names.plain)).toMatchObject({ status: "stopped", ready: 0, instances: 0 });
  await must("app", "scale", names.plain, "2");
  expect(await world.show(names.plain)).toMatchObject({ status: "live", ready: 2 });
});

behaviour(12, "a route of one's own has a host and a path", async () => {
  await must("app", "update", names.plain, "--route", `${names.plain}.example.org/api`);
  const ingress = await world.object<V1Ingress>("networking.k8s.io/v1", "Ingress", names.plain);
  expect(ingress?.spec?.rules).toMatchObject([{ host: `${names.plain}.example.org`, http: { paths: [{ path: "/api" }] } }]);
  expect(await world.object("davit.dev/v1alpha1", "App", names.plain)).toMatchObject({ spec: { routes: [`${names.plain}.example.org/api`] } });
  expect(await refusal("app", "update", names.plain, "--route", "http://example.org")).toMatchObject({ exit: 2, code: "usage" });
});

behaviour(13, "without routes there is no Ingress", async () => {
  await must("app", "update", names.plain, "--no-route");
  expect(await world.object("networking.k8s.io/v1", "Ingress", names.plain)).toBeUndefined();
  expect(await world.show(names.plain)).toMatchObject({ routes: [], url: null });
});

behaviour(14, "a route that somebody has, davit itself included, is refused", async () => {
  const hosts = [world.url, (await door()).url].map((address) => new URL(address).hostname);
  for (const host of hosts) expect(await refusal("app", "update", names.plain, "--route", host)).toMatchObject({ exit: 3, code: "route_taken" });
});

behaviour(17, "a broken app fails its push, and can be mended", async () => {
  const [unbuilt, crashed, good] = await world.mending;
  expect(unbuilt).toMatchObject({ outcome: "failed", fault: { code: "build_failed" } });
  expect(crashed).toMatchObject({ outcome: "failed", fault: { code: "app_crashed" } });
  expect(good).toMatchObject({ outcome: "live", revision: 3 });
  expect((await world.show(names.mend)).revisions.map(({ outcome }) => outcome)).toEqual(["live", "failed", "failed"]);
});

behaviour(18, "a second build uses the cache of the first", async () => {
  using changed = folder({ ...TELLING_APP, "more.txt": "of it" });
  expect(await world.push(names.main, changed)).toMatchObject({ outcome: "live", reused: { build: false } });
  expect(await must("app", "logs", names.main, "--staging")).toContain("Using caching version of cmd: RUN echo built with care");
  await world.push(names.main, world.source);
});

behaviour(19, "the log of a build can be read afterwards", async () => {
  expect(await must("app", "logs", names.mend, "--staging")).toContain("built with care");
});

behaviour(20, "log lines say which instance wrote them, and can be followed", async () => {
  const following = start(["app", "logs", names.main, "-f", "-n", world.space.name]);
  await world.ask("/seen");
  let seen = "";
  for await (const bytes of following.stdout) {
    seen += new TextDecoder().decode(bytes);
    if (seen.includes("asked for it\n")) break;
  }
  following.kill();
  await following.exited;
  expect(seen).toMatch(/^\S+ \| asked for it$/m);
});

behaviour(21, "an app is built again from the source that davit has", async () => {
  expect(await json("app", "restage", names.mend)).toMatchObject({ outcome: "live", reused: { build: false } });
  expect(await refusal("app", "restage", "nobody")).toMatchObject({ exit: 3, code: "app_not_found" });
});

behaviour(22, "a name has at most 40 characters and begins with a letter", async () => {
  for (const name of ["a".repeat(63), "12monkeys", "9123"])
    expect(await refusal("push", "--name", name, "--path", world.source.path)).toMatchObject({ exit: 2, code: "name_invalid" });
  const longest = "a".repeat(40);
  expect(await json("push", "--name", longest, "--path", world.source.path, "--dry-run")).toMatchObject({ plan: { app: longest, isNew: true } });
});

behaviour(24, "a configuration is there as files, and knows its apps", async () => {
  expect(await world.ask("/configurations/settings/LEVEL")).toBe("v=w");
  expect(ConfigurationSummary.array().parse(await json("configuration", "list"))).toMatchObject([{ name: "settings", apps: [names.main] }]);
});

behaviour(25, "a variable can be set, listed and unset", async () => {
  await must("app", "env", "set", names.main, "MYVAR=myvalue");
  expect(await must("app", "env", "list", names.main, "--reveal")).toContain("myvalue");
  expect(await world.ask("/env?name=MYVAR")).toBe("myvalue");
  await must("app", "env", "unset", names.main, "MYVAR");
  expect(await world.ask("/env?name=MYVAR")).toBe("(none)");
});

behaviour(26, "an update keeps the variables that it does not name", async () => {
  await must("app", "update", names.main, "--env", "BAR=b", "--unset-env", "AGAIN");
  expect((await world.show(names.main)).envNames).toEqual(["BAR", "COMPLEX", "CREDO"]);
});

behaviour(27, "what concerns no instance replaces none", async () => {
  const pods = await world.pods(names.main);
  await must("configuration", "update", "settings", "USER=bob", "--no-restart");
  await must("app", "update", names.main, "--route", `${names.main}.example.org`, "--route", new URL(world.url).hostname);
  expect(await world.pods(names.main)).toEqual(pods);
});

behaviour(28, "the port is told to the app, its container and its Service", async () => {
  const ports = async () => {
    const deployment = await world.object<V1Deployment>("apps/v1", "Deployment", names.main);
    const container = deployment?.spec?.template.spec?.containers[0];
    const service = await world.object<V1Service>("v1", "Service", names.main);
    return [container?.env?.[0]?.value, container?.ports?.[0]?.containerPort, service?.spec?.ports?.[0]?.targetPort];
  };
  expect(await ports()).toEqual(["8080", 8080, 8080]);
  await must("app", "update", names.main, "--port", "9000");
  expect(await ports()).toEqual(["9000", 9000, 9000]);
  expect(await world.ask("/env?name=PORT")).toBe("9000");
});

behaviour(30, "a configuration's values are K=V, and there may be none", async () => {
  expect(await refusal("configuration", "create", "wrong", "KEY")).toMatchObject({ exit: 2, code: "usage" });
  expect(await refusal("configuration", "create", "wrong", "BAD KEY=v")).toMatchObject({ exit: 2, code: "usage" });
  expect(await refusal("configuration", "create", "wrong", "--from-file", "K=MISSING")).toMatchObject({ exit: 2, code: "usage" });
  expect(await json("configuration", "create", "empty")).toMatchObject({ name: "empty", keys: [] });
});

behaviour(31, "a configuration is not deleted while an app has it", async () => {
  const refused = await refusal("configuration", "delete", "settings", "--yes");
  expect(refused).toMatchObject({ exit: 3, code: "configuration_bound", message: expect.stringContaining(names.main) });
});

behaviour(32, "an update restarts what has the configuration, and nothing when nothing changes", async () => {
  const pods = await world.pods(names.main);
  expect(await json("configuration", "update", "settings", "USER=bob")).toMatchObject({ changed: false });
  expect(await world.pods(names.main)).toEqual(pods);
  await must("configuration", "update", "settings", "--unset", "USER", "LEVEL=ci/cd");
  expect(await world.ask("/configurations/settings/LEVEL")).toBe("ci/cd");
  expect((await world.pods(names.main)).filter((pod) => pods.includes(pod))).toEqual([]);
});

behaviour(36, "an archive is a source, and what one namespace uploaded is not there for another", async () => {
  using folderOf = folder();
  const archive = join(folderOf.path, "source.tar.gz");
  if ((await Bun.spawn(["tar", "-czf", archive, "-C", world.source.path, "."]).exited) !== 0) throw new Error("tar failed");
  const again = await json("push", "--name", names.mend, "--path", archive);
  expect(again).toMatchObject({ outcome: "unchanged", sent: { chunks: 0 } });
  await Bun.write(join(folderOf.path, "source.rar"), "Rar!\x1a\x07\x01\x00");
  expect(await refusal("push", "--name", names.mend, "--path", join(folderOf.path, "source.rar"))).toMatchObject({ code: "archive_invalid" });
  await using other = await tenant("epinio-other");
  using stranger = await member(other.name, "davit-developer");
  const { client } = await attacker(stranger.token);
  const stolen = { source: { kind: "tree" as const, tree: again.source.replace("tree:", "") } };
  expect((await faultOf(client.createRevision({ namespace: other.name, app: "thief", body: stolen }))).code).toBe("tree_base_unknown");
});

behaviour(37, "what is wrong with a repository is said", async () => {
  const { git, repository } = world;
  const wrong = { "ftp://git.example.com/x": "usage", "://": "usage", [`${git.origin}/${repository},never`]: "git_revision_not_found" };
  for (const [source, code] of Object.entries({ ...wrong, [`${git.origin}/nothing.git`]: "git_repository_not_found" }))
    expect(await refusal("push", "--name", names.git, "--git", source, "--git-credential", "right")).toMatchObject({ code });
});

behaviour(38, "a namespace is made once, seen by its own, and not anybody's", async () => {
  expect((await davit(["namespace", "create", world.space.name])).code).toBe(0);
  const reserved = await davit(["namespace", "create", "kube-system", "-o", "json"]);
  expect([reserved.code, JSON.parse(reserved.stdout).fault.code]).toEqual([3, "namespace_unmanaged"]);
  const { raw } = await attacker(world.dev.token);
  expect((await raw("POST", `/v1/namespaces/${world.space.name}/sources`, { body: "no JSON" })).status).toBe(400);
  expect((await raw("GET", "/v1/namespaces", { headers: { authorization: "" } })).status).toBe(401);
  const own = JSON.parse((await world.dev.davit(["namespace", "list", "-o", "json"])).stdout);
  expect(own.map(({ name }: { name: string }) => name)).toEqual([world.space.name]);
  expect(await commandsIn("missing-namespace").refusal("app", "list")).toMatchObject({ exit: 3, code: "namespace_not_found" });
});

behaviour(39, "binding twice and unbinding what is not bound are fine, unknown names are not", async () => {
  expect(await json("configuration", "bind", "settings", names.main)).toMatchObject({ outcome: "unchanged" });
  expect(await json("configuration", "unbind", "empty", names.main)).toMatchObject({ outcome: "unchanged" });
  expect(await refusal("configuration", "bind", "nobody", names.main)).toMatchObject({ exit: 3, code: "configuration_not_found" });
  expect(await refusal("configuration", "bind", "settings", "nobody")).toMatchObject({ exit: 3, code: "app_not_found" });
  expect(await commandsIn("nowhere").refusal("configuration", "bind", "settings", names.main)).toMatchObject({
    exit: 3,
    code: "namespace_not_found",
  });
});

behaviour(23, "several apps are deleted at once, with all that is theirs", async () => {
  await world.mending;
  await must("app", "delete", names.main, names.mend, "--yes");
  expect(
    ConfigurationSummary.array()
      .parse(await json("configuration", "list"))
      .flatMap(({ apps }) => apps),
  ).toEqual([]);
  for (const name of [names.main, names.mend]) {
    expect(await world.object("networking.k8s.io/v1", "Ingress", name)).toBeUndefined();
    expect(await world.object("apps/v1", "Deployment", name)).toBeUndefined();
  }
  const volumes = await (await kube()).list<V1PersistentVolumeClaim>({ apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "davit-staging" });
  const left = volumes.filter(({ metadata }) => !metadata?.deletionTimestamp && metadata?.labels?.["davit.dev/namespace"] === world.space.name);
  expect(left.map(({ metadata }) => metadata?.labels?.["davit.dev/app"])).not.toContain(names.main);
});

behaviour(40, "a login that fails takes nothing away, and a logout does", async () => {
  const before = await world.dev.davit(["whoami", "-o", "json"]);
  expect((await logIn(world.dev, "bogus")).code).toBe(23);
  expect((await world.dev.davit(["whoami", "-o", "json"])).stdout).toBe(before.stdout);
  expect((await world.dev.davit(["logout"])).code).toBe(0);
  expect((await world.dev.davit(["app", "list", "-n", world.space.name])).code).toBe(22);
});

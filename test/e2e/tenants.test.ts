import { expect, test } from "bun:test";
import type { V1Secret, V1Service } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import type { PushResult } from "#shared/push-event";
import { appFiles, DOCKERFILE, davit, folder, kube, parseEvents, push, server, tenant } from "#test/lab";
import { door, logIn, type Member, member, stranger } from "#test/member";
import { RegistryUser } from "#test/registry-user";

const WAIT_MS = 30_000;

/** What a command of this person said when it was not allowed, or could not be. */
async function refusal(person: Member, args: readonly string[]): Promise<{ exit: number; code: string }> {
  const done = await person.davit([...args, "-o", "json"]);
  const { fault } = JSON.parse(done.stdout || done.stderr);
  return { exit: done.code, code: fault.code };
}

async function pushAs(person: Member, path: string, app: string, namespace: string): Promise<PushResult> {
  const done = await person.davit(["push", "--path", path, "--name", app, "-n", namespace, "-o", "json"]);
  return JSON.parse(done.stdout);
}

test("a tenant's developer pushes, lists, shows and reads logs in one namespace, and finds every door of another's closed", async () => {
  await using shop = await tenant("shop");
  await using bank = await tenant("bank");
  using ann = await member(shop.name, "davit-developer", "ann");
  using bob = await member(bank.name, "davit-developer", "bob");
  using source = folder({ Dockerfile: DOCKERFILE, "server.ts": `console.log("counting the money");\n${server("mine")}` });
  const [mine, theirs] = [shop.app("cart"), bank.app("vault")];

  const pushed = await Promise.all([pushAs(ann, source.path, mine, shop.name), pushAs(bob, source.path, theirs, bank.name)]);
  expect(pushed.map(({ outcome, app }) => ({ outcome, app }))).toEqual([
    { outcome: "live", app: mine },
    { outcome: "live", app: theirs },
  ]);

  const whoami = await ann.davit(["whoami", "-o", "json"]);
  expect(JSON.parse(whoami.stdout)).toMatchObject({ user: `system:serviceaccount:${shop.name}:ann`, server: (await door()).url });
  const listed = await ann.davit(["app", "list", "-n", shop.name, "-o", "json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ name: mine, status: "live" }]);
  const shown = await ann.davit(["app", "show", mine, "-n", shop.name, "-o", "json"]);
  expect(JSON.parse(shown.stdout)).toMatchObject({ name: mine, revisions: [{ createdBy: `system:serviceaccount:${shop.name}:ann` }] });
  expect((await ann.davit(["app", "logs", mine, "-n", shop.name])).stdout).toContain("counting the money");

  const everything = await ann.davit(["app", "list", "--all", "-o", "json"]);
  expect(JSON.parse(everything.stdout).map((app: { name: string }) => app.name)).toEqual([mine]);
  const spaces = await ann.davit(["namespace", "list", "-o", "json"]);
  expect(JSON.parse(spaces.stdout).map((space: { name: string }) => space.name)).toEqual([shop.name]);

  const closed = [
    ["app", "list", "-n", bank.name],
    ["app", "show", theirs, "-n", bank.name],
    ["app", "logs", theirs, "-n", bank.name],
    ["app", "logs", theirs, "-n", bank.name, "--staging"],
    ["app", "delete", theirs, "-n", bank.name, "--yes"],
    ["push", "--path", source.path, "--name", theirs, "-n", bank.name],
    ["push", "--name", theirs, "-n", bank.name, "--attach"],
    ["namespace", "delete", bank.name, "--yes"],
    ["namespace", "create", `${shop.name}-more`],
    // Whether it exists is nobody's business who may not look into it.
    ["app", "list", "-n", "no-such-namespace"],
  ];
  const answers = await Promise.all(closed.map(async (args) => ({ args, ...(await refusal(ann, args)) })));
  expect(answers).toEqual(closed.map((args) => ({ args, exit: 24, code: "forbidden" })));
  expect(await (await fetch(pushed[1].url ?? "")).text()).toBe("mine");
  const stolen = await refusal(bob, [
    "push",
    "--path",
    source.path,
    "--name",
    theirs,
    "-n",
    bank.name,
    "--route",
    new URL(pushed[0].url ?? "").hostname,
  ]);
  expect(stolen).toEqual({ exit: 3, code: "route_taken" });
}, 120_000);

test("a viewer sees everything of the namespace and changes nothing", async () => {
  await using space = await tenant("view");
  using dev = await member(space.name, "davit-developer");
  using viewer = await member(space.name, "davit-viewer");
  using source = folder(appFiles("to be seen"));
  const app = space.app("shown");
  expect((await pushAs(dev, source.path, app, space.name)).outcome).toBe("live");

  const seen = [
    ["app", "list", "-n", space.name],
    ["app", "show", app, "-n", space.name],
    ["app", "logs", app, "-n", space.name],
    ["app", "logs", app, "-n", space.name, "--staging"],
  ];
  const looked = await Promise.all(seen.map(async (args) => ({ args, exit: (await viewer.davit(args)).code })));
  expect(looked).toEqual(seen.map((args) => ({ args, exit: 0 })));
  const kept = [
    ["push", "--path", source.path, "--name", app, "-n", space.name],
    ["push", "--path", source.path, "--name", app, "-n", space.name, "--dry-run"],
    ["app", "delete", app, "-n", space.name, "--yes"],
  ];
  const answers = await Promise.all(kept.map(async (args) => ({ args, ...(await refusal(viewer, args)) })));
  expect(answers).toEqual(kept.map((args) => ({ args, exit: 24, code: "forbidden" })));
}, 120_000);

test("a token that is wrong, has expired, was made for somebody else or whose owner is gone is not accepted", async () => {
  await using space = await tenant("token");
  using person = await member(space.name, "davit-developer");
  const gone = await stranger(space.name, "gone");
  const api = await kube();
  const owner = { apiVersion: "v1", kind: "ServiceAccount", namespace: space.name, name: "gone" };
  await api.remove(owner);
  await waitFor(api, owner, (object) => (object === undefined ? true : undefined), AbortSignal.timeout(WAIT_MS));

  const [header = "", payload = "", signature = ""] = person.token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const rewritten = (change: object) => Buffer.from(JSON.stringify({ ...claims, ...change })).toString("base64url");
  const tokens = {
    garbage: "garbage",
    expired: [header, rewritten({ exp: claims.iat - 1 }), signature].join("."),
    promoted: [header, rewritten({ sub: "system:serviceaccount:davit:davit-admin" }), signature].join("."),
    unsigned: [Buffer.from('{"alg":"none"}').toString("base64url"), payload, ""].join("."),
    "for another service": await stranger(space.name, "elsewhere", ["https://somebody.else"]),
    "its owner is gone": gone,
  };
  const before = await person.davit(["whoami", "-o", "json"]);
  for (const [name, token] of Object.entries(tokens)) {
    const { code, stdout, stderr } = await logIn(person, token);
    expect({ name, code, fault: JSON.parse(stdout || stderr).fault.code }).toEqual({ name, code: 23, fault: "token_rejected" });
    expect(stdout + stderr).not.toContain(token.slice(-20));
  }
  // A login that fails takes nothing away.
  expect((await person.davit(["whoami", "-o", "json"])).stdout).toBe(before.stdout);
}, 60_000);

/** The registry as the machines of the cluster reach it: by its Service's address, over verified TLS. */
async function registryUser(dockerConfig: string): Promise<RegistryUser> {
  const service = await (await kube()).get<V1Service>({ apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry" });
  const [entry] = Object.values<{ auth: string }>(JSON.parse(dockerConfig).auths);
  const [, password = ""] = atob(entry?.auth ?? "").split(":");
  return new RegistryUser(`https://${service?.spec?.clusterIP}:5000`, (await door()).ca, password);
}

async function pullSecret(namespace: string): Promise<string> {
  const secret = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name: "davit-pull" });
  return atob(secret?.data?.[".dockerconfigjson"] ?? "");
}

test("a namespace's pull secret pulls its own images and nobody else's, and pushes nothing", async () => {
  await using shop = await tenant("pull");
  await using bank = await tenant("other");
  using source = folder(appFiles("layers"));
  const [mine, theirs] = await Promise.all([shop, bank].map((space) => push(source.path, ["--name", space.app("img"), "-n", space.name])));
  const user = await registryUser(await pullSecret(shop.name));
  const [own = "", digest = ""] = repositoryAndDigest(mine?.image);
  const [foreign = "", foreignDigest = ""] = repositoryAndDigest(theirs?.image);

  const manifest = (repository: string, reference: string, scope: string) => user.request("GET", `/v2/${repository}/manifests/${reference}`, scope);
  expect((await manifest(own, digest, `repository:${own}:pull`)).status).toBe(200);
  expect((await manifest(foreign, foreignDigest, `repository:${foreign}:pull`)).status).toBe(401);
  // A token for one's own repository opens no other, and asking for both gives one.
  expect((await manifest(foreign, foreignDigest, `repository:${own}:pull`)).status).toBe(401);
  expect((await manifest(foreign, foreignDigest, `repository:${own}:pull repository:${foreign}:pull`)).status).toBe(401);
  expect((await user.request("GET", "/v2/_catalog", "registry:catalog:*")).status).toBe(401);
  for (const repository of [own, foreign, `${shop.name}/new`]) {
    await expect(user.push(repository, "1", ["layer"])).rejects.toThrow("status 401");
  }
  expect((await user.request("DELETE", `/v2/${own}/manifests/${digest}`, `repository:${own}:pull,push,delete`)).status).toBe(401);
  // Blobs are shared in the registry's store; mounting another's into one's own repository needs a right to read it.
  expect((await user.request("POST", `/v2/${own}/blobs/uploads/?mount=${foreignDigest}&from=${foreign}`, `repository:${own}:pull,push`)).status).toBe(
    401,
  );
}, 120_000);

function repositoryAndDigest(image: string | null | undefined): string[] {
  return (image ?? "").replace(/^[^/]+\//, "").split("@");
}

test("what a build can steal of its own Pod is worth one repository", async () => {
  await using space = await tenant("thief");
  using source = folder({
    ...appFiles("thief"),
    Dockerfile: [
      DOCKERFILE,
      "RUN echo stolen $(base64 -w0 /davit/run/docker/config.json)",
      "RUN ls -d /var/run/secrets/kubernetes.io 2>&1 | sed 's/^/token /'",
      'RUN echo "env $(env | cut -d= -f1 | tr "\\n" " ")"',
      "",
    ].join("\n"),
  });
  const app = space.app("thief");
  const done = await davit(["push", "--path", source.path, "--name", app, "-n", space.name, "-o", "events"]);
  expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
  const log = parseEvents(done.stdout).flatMap((event) => (event.type === "log" ? [event.line] : []));
  const said = (word: string) => log.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? "";
  expect(said("token")).toContain("No such file");
  expect(said("env")).not.toMatch(/S3|DAVIT|KUBERNETES|KEY|SECRET|TOKEN/);

  const user = await registryUser(atob(said("stolen")));
  const own = `${space.name}/${app}`;
  await user.push(own, "by-hand", ["a layer"]);
  for (const repository of [`${space.name}/neighbour`, `apps/${app}`, `${own}-more`, "davit/agent"]) {
    await expect(user.push(repository, "1", ["a layer"])).rejects.toThrow("status 401");
    expect((await user.request("GET", `/v2/${repository}/tags/list`, `repository:${repository}:pull`)).status).toBe(401);
  }
}, 120_000);

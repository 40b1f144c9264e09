import { expect, test } from "bun:test";
import type { GarbageItem } from "#shared/garbage";
import type { KubeObject, V1Namespace } from "#shared/kube/objects";
import { appFiles, DOCKERFILE, davit, folder, kube, push, server, start, type TestTenant, tenant } from "#test/lab";
import { live, randomText } from "#test/live";
import { member } from "#test/member";
import { diskUsed, filesOnDisk } from "#test/volume";

interface Collected {
  items: GarbageItem[];
  bytes: number;
}

async function gc(...args: string[]): Promise<Collected> {
  const done = await davit(["gc", ...args, "-o", "json"]);
  expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(done.stdout);
}

async function explain(ref: string, space: TestTenant): Promise<Pick<GarbageItem, "what" | "ref" | "action" | "why">[]> {
  const done = await davit(["gc", "--explain", ref, "-n", space.name, "-o", "json"]);
  return done.code === 3 ? [] : JSON.parse(done.stdout);
}

const refs = ({ items }: Collected, what: string) => items.flatMap((item) => (item.what === what ? [item.ref] : []));

async function uidOf(name: string): Promise<string> {
  return (await (await kube()).get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name }))?.metadata?.uid ?? "";
}

/** Objects of the cluster with the app's label, wherever they are; what is on its way out is gone. */
async function objectsOf(app: string): Promise<string[]> {
  const api = await kube();
  const kinds = [
    ["apps/v1", "Deployment"],
    ["v1", "Service"],
    ["v1", "Secret"],
    ["v1", "PersistentVolumeClaim"],
    ["batch/v1", "Job"],
    ["networking.k8s.io/v1", "Ingress"],
    ["davit.dev/v1alpha1", "App"],
    ["davit.dev/v1alpha1", "Revision"],
  ] as const;
  type Ending = KubeObject & { metadata?: { deletionTimestamp?: string } };
  const found = await Promise.all(kinds.map(([apiVersion, kind]) => api.list<Ending>({ apiVersion, kind }, { labels: `davit.dev/app=${app}` })));
  return found.flat().flatMap(({ kind, metadata }) => (metadata?.deletionTimestamp ? [] : [`${kind} ${metadata?.namespace}/${metadata?.name}`]));
}

test("of twelve revisions ten stay and can be gone back to, the disk has the others' room again, and a deleted app leaves nothing", async () => {
  await using space = await tenant("gc");
  const app = space.app("shop");
  using source = folder(appFiles("of 1"));
  const args = ["--name", app, "-n", space.name];
  const images = new Map<number, string>();
  for (let number = 1; number <= 12; number++) {
    // Every third has a new source with a megabyte that nothing makes smaller, the others new env only.
    if (number % 3 === 1) source.write({ "server.ts": server(`of ${number}`), "ballast.txt": randomText(1 << 20) });
    const done = await push(source.path, [...args, "--env", `PUSH=${number}`]);
    expect({ outcome: done.outcome, revision: done.revision, fault: done.fault }).toEqual({ outcome: "live", revision: number, fault: undefined });
    images.set(number, done.image?.split("@")[1] ?? "");
  }
  const before = await diskUsed("registry");

  const would = await gc("--dry-run", "-n", space.name);
  expect(refs(would, "revision")).toEqual([`${space.name}/${app}-2`, `${space.name}/${app}-1`]);
  expect(would.items.find(({ ref }) => ref.endsWith(`${app}-1`))).toMatchObject({ why: "its app has 10 that are newer" });
  // Revision 3 runs what revision 1 built.
  expect(refs(would, "image")).toEqual([]);
  for (const number of [13, 14]) expect((await push(source.path, [...args, "--env", `PUSH=${number}`])).outcome).toBe("live");
  const did = await gc("-n", space.name);
  expect(refs(did, "revision")).toEqual([4, 3, 2, 1].map((number) => `${space.name}/${app}-${number}`));
  expect(refs(did, "image")).toEqual([`${space.name}/${app}@${images.get(1)}`]);
  expect(refs(did, "tree")).toHaveLength(1);
  expect(before - (await diskUsed("registry"))).toBeGreaterThan(700_000);
  expect(await gc("-n", space.name)).toMatchObject({ items: [], bytes: 0 });

  expect(await explain(`${app}-14`, space)).toContainEqual(expect.objectContaining({ what: "revision", action: "keep", why: "it serves" }));
  expect(await explain(images.get(4) ?? "", space)).toMatchObject([{ what: "image", action: "keep", why: expect.stringContaining("is made of it") }]);
  expect(await explain(images.get(1) ?? "", space)).toEqual([]);

  const back = await davit(["app", "rollback", app, "5", "-n", space.name, "-o", "json"]);
  expect({ code: back.code, stderr: back.stderr }).toMatchObject({ code: 0 });
  const { url, image } = JSON.parse(back.stdout);
  expect([await (await fetch(url)).text(), image.split("@")[1]]).toEqual(["of 4", images.get(4)]);
  expect((await davit(["app", "rollback", app, "1", "-n", space.name])).code).toBe(3);

  const gone = await davit(["app", "delete", app, "-n", space.name, "--yes"]);
  expect({ code: gone.code, stderr: gone.stderr }).toEqual({ code: 0, stderr: "" });
  expect(await objectsOf(app)).toEqual([]);
  expect(await filesOnDisk("s3", `davit/ns/${await uidOf(space.name)}`)).toEqual([]);
  expect(await filesOnDisk("registry", `docker/registry/v2/repositories/${space.name}`)).toEqual([]);
  expect(before - (await diskUsed("registry"))).toBeGreaterThan(3 * 700_000);
  expect(await explain(space.name, space)).toEqual([]);
}, 300_000);

test("what another app of the namespace has stays when one is deleted, and a namespace leaves nothing", async () => {
  const space = await tenant("gcns");
  const uid = await uidOf(space.name);
  const [mine, other] = [space.app("mine"), space.app("other")];
  using source = folder({ ...appFiles("shared"), "ballast.txt": randomText(100_000) });
  for (const name of [mine, other]) expect((await push(source.path, ["--name", name, "-n", space.name])).outcome).toBe("live");
  expect((await davit(["app", "delete", mine, "-n", space.name, "--yes"])).code).toBe(0);
  const left = await filesOnDisk("s3", `davit/ns/${uid}`);
  expect(left.filter((path) => path.includes(mine))).toEqual([]);
  expect(new Set(left.map((path) => path.split("/")[1]))).toEqual(new Set(["chunks-index", "logs", "orders", "packs", "trees"]));
  const again = await push(source.path, ["--name", other, "-n", space.name, "--env", "A=1"]);
  expect([again.outcome, await (await fetch(again.url ?? "")).text()]).toEqual(["live", "shared"]);

  await space[Symbol.asyncDispose]();
  expect(await objectsOf(other)).toEqual([]);
  expect(await filesOnDisk("s3", `davit/ns/${uid}`)).toEqual([]);
  expect(await filesOnDisk("registry", `docker/registry/v2/repositories/${space.name}`)).toEqual([]);
}, 180_000);

test("garbage is collected again and again while apps are pushed: every push ends live and serves what was pushed", async () => {
  await using space = await tenant("gcrace");
  const slow = `${DOCKERFILE}RUN for i in 1 2 3 4 5 6; do echo "step $i"; sleep 0.5; done\n`;
  const pushOne = async (name: string) => {
    using source = folder();
    const args = ["--name", space.app(name), "-n", space.name];
    for (const round of [1, 2]) {
      source.write({ Dockerfile: slow, "server.ts": server(`${name} ${round}`), "ballast.txt": randomText(300_000) });
      const pushing = start(["push", "--path", source.path, ...args, "-o", "events"]);
      for await (const event of live(pushing.stdout)) {
        if (event.type === "log" && event.line === "step 2") runs.push(gc());
        if (event.type !== "done") continue;
        expect(event.result).toMatchObject({ outcome: "live" });
        expect(await (await fetch(event.result.url ?? "")).text()).toBe(`${name} ${round}`);
      }
    }
  };
  const runs: Promise<Collected>[] = [];
  let pushing = true;
  const collecting = (async () => {
    while (pushing) await gc("-n", space.name);
  })();
  await Promise.all(["a", "b"].map(pushOne)).finally(() => {
    pushing = false;
  });
  await collecting;
  await Promise.all(runs);
  expect(runs).toHaveLength(4);
}, 180_000);

test("who has a namespace collects no garbage, and is told what it takes", async () => {
  await using space = await tenant("gcwho");
  using dev = await member(space.name, "davit-developer");
  for (const args of [[], ["--dry-run"], ["-n", space.name], ["--explain", "shop"]]) {
    const done = await dev.davit(["gc", ...args, "-o", "json"]);
    expect([args, done.code, JSON.parse(done.stdout || done.stderr).fault.code]).toEqual([args, 24, "forbidden"]);
  }
}, 60_000);

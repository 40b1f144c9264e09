import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "#agent/store/object-store";
import type { V1Deployment, V1Pod } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import type { PushEvent, PushResult } from "#shared/push-event";
import { Secret } from "#shared/secret";
import { faultOf } from "#test/hostile";
import { appFiles, DOCKERFILE, folder, kube, kubectl, push, server, start, tenant } from "#test/lab";
import { live } from "#test/live";
import { takeAway } from "#test/outage";
import { poll } from "#test/poll";

const WAIT_MS = 60_000;
const SLOW_BUILD = `${DOCKERFILE}RUN for i in 1 2 3 4 5 6 7 8; do echo "step $i of the build"; sleep 0.5; done\n`;

interface Pushed {
  exit: number;
  events: PushEvent[];
  result: PushResult;
}

/** Pushes, and calls `then` once, when an event is the one that is waited for; the CLI stands still meanwhile. */
async function pushUntil(path: string, args: readonly string[], moment: (event: PushEvent) => boolean, then: () => Promise<void>): Promise<Pushed> {
  const pushing = start(["push", "--path", path, ...args, "-o", "events"]);
  const events: PushEvent[] = [];
  let come = false;
  for await (const event of live(pushing.stdout)) {
    events.push(event);
    if (come || !moment(event)) continue;
    come = true;
    pushing.kill("SIGSTOP");
    await then();
    pushing.kill("SIGCONT");
  }
  const done = events.at(-1);
  if (!come || done?.type !== "done") throw new Error(`the push went another way: ${JSON.stringify(events.slice(-5))}`);
  return { exit: await pushing.exited, events, result: done.result };
}

const building = (event: PushEvent) => event.type === "log" && event.line.includes("step 2 of the build");
const uploading = (event: PushEvent) => event.type === "progress" && event.phase === "upload" && event.done > 0;

test("the registry goes during a build: the push fails and says so, the version before serves on, and the next push is well", async () => {
  await using space = await tenant("noreg");
  using source = folder({ Dockerfile: SLOW_BUILD, "server.ts": server("before") });
  const args = ["--name", space.app("shop"), "-n", space.name];
  const before = await push(source.path, args);
  expect(before.outcome).toBe("live");
  source.write({ Dockerfile: `${SLOW_BUILD}# again\n`, "server.ts": server("after") });
  {
    await using stack = new AsyncDisposableStack();
    const failed = await pushUntil(source.path, args, building, async () => void stack.use(await takeAway("registry")));
    expect(failed).toMatchObject({ exit: 55, result: { outcome: "failed", fault: { code: "registry_unavailable" } } });
    expect(await (await fetch(before.url ?? "")).text()).toBe("before");
  }
  expect(await push(source.path, args)).toMatchObject({ exit: 0, outcome: "live", revision: 3 });
  expect(await (await fetch(before.url ?? "")).text()).toBe("after");
}, 180_000);

test("the store goes during an upload: the push fails and says so, and the next one sends only what is missing", async () => {
  await using space = await tenant("nos3");
  using source = folder({ ...appFiles("resumed"), Dockerfile: DOCKERFILE.replace("COPY . .", "COPY server.ts ./") });
  const files = 24;
  for (let index = 0; index < files; index++) writeFileSync(join(source.path, `${index}.bin`), randomBytes(4 << 20));
  const args = ["--name", space.app("big"), "-n", space.name];
  {
    await using stack = new AsyncDisposableStack();
    const failed = await pushUntil(source.path, args, uploading, async () => void stack.use(await takeAway("s3")));
    expect(failed).toMatchObject({ exit: 32, result: { outcome: "failed", revision: null, fault: { code: "store_unavailable" } } });
  }
  const second = await push(source.path, args);
  expect(second).toMatchObject({ exit: 0, outcome: "live", revision: 1 });
  expect(second.reused.chunks).toBeGreaterThan(0);
  expect(second.sent.chunks + second.reused.chunks).toBe(files + 2);
}, 180_000);

test("the store goes during a build and comes back: the push is told to its end, with no event lost or told twice", async () => {
  await using space = await tenant("blink");
  using source = folder({ Dockerfile: SLOW_BUILD, "server.ts": server("unmoved") });
  const args = ["--name", space.app("calm"), "-n", space.name];
  const pushed = await pushUntil(source.path, args, building, async () => {
    await using outage = await takeAway("s3");
    await outage.back();
  });
  expect(pushed).toMatchObject({ exit: 0, result: { outcome: "live", revision: 1 } });
  expect(pushed.events.map((event) => event.seq)).toEqual(pushed.events.map((_, index) => index + 1));
  expect(pushed.events.filter((event) => event.type === "log" && /^step \d of the build/.test(event.line))).toHaveLength(8);
  expect(await (await fetch(pushed.result.url ?? "")).text()).toBe("unmoved");
}, 180_000);

test("the agent is killed while the store is away, after the build: nothing that it could not store is lost", async () => {
  await using space = await tenant("unsaid");
  using source = folder({ Dockerfile: SLOW_BUILD, "server.ts": server("heard again") });
  const args = ["--name", space.app("whole"), "-n", space.name];
  const staging = ["-n", "davit-staging", "logs", "-l", `davit.dev/namespace=${space.name}`, "--all-containers", "--tail=-1"];
  const pushed = await pushUntil(source.path, args, building, async () => {
    await using outage = await takeAway("s3");
    while (!(await kubectl(...staging)).includes('"type":"built"'));
    await kubectl("-n", "davit", "delete", "pod", "-l", "app.kubernetes.io/component=agent", "--grace-period=0", "--force");
    await outage.back();
  });
  expect(pushed).toMatchObject({ exit: 0, result: { outcome: "live", revision: 1 } });
  expect(pushed.events.map((event) => event.seq)).toEqual(pushed.events.map((_, index) => index + 1));
  const steps = pushed.events.flatMap((event) => (event.type === "log" && /^step \d of the build/.test(event.line) ? [event.line[5]] : []));
  expect(steps).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
  const ended = pushed.events.flatMap((event) => (event.type === "phase-ended" ? [event.phase] : []));
  expect(ended).toEqual(["plan", "upload", "hydrate", "stage", "deploy", "live"]);
}, 180_000);

test("a store that is full says so, not that it is away", async () => {
  await using space = await tenant("full");
  const api = await kube();
  const real = await api.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "s3" });
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "small-store", namespace: space.name },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsUser: 65532, fsGroup: 65532 },
      containers: [
        {
          name: "s3",
          image: real?.spec?.template.spec?.containers[0]?.image,
          args: ["--port", ":7070", "--health", "/healthz", "--quiet", "posix", "/data"],
          env: ["ROOT_ACCESS_KEY", "ROOT_SECRET_KEY"].map((name) => ({ name, value: "small-store" })),
          readinessProbe: { httpGet: { path: "/healthz", port: 7070 }, periodSeconds: 1 },
          volumeMounts: ["data", "tmp"].map((name) => ({ name, mountPath: `/${name}` })),
        },
      ],
      // A file system in memory has the size that it is given, and no byte more.
      volumes: ["data", "tmp"].map((name) => ({ name, emptyDir: { medium: "Memory", sizeLimit: name === "data" ? "16Mi" : "64Mi" } })),
    },
  };
  await api.create(pod);
  const address = await waitFor<V1Pod, string>(
    api,
    { apiVersion: "v1", kind: "Pod", namespace: space.name, name: "small-store" },
    (seen) => (seen?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ? seen.status.podIP : undefined),
    AbortSignal.timeout(WAIT_MS),
  );
  const key = new Secret("small-store");
  const store = await openStore({
    endpoint: new URL(`http://${address}:7070`),
    bucket: "davit",
    region: "us-east-1",
    pathStyle: true,
    ca: "",
    credentials: { accessKey: key, secretKey: key },
  });
  await store.put("kept", Buffer.alloc(4 << 20, 1));
  const fill = async () => {
    for (let index = 0; index < 8; index++) await store.put(`pack-${index}`, Buffer.alloc(4 << 20, index));
  };
  expect(await faultOf(fill())).toMatchObject({ code: "store_full" });
  // What was there is there still, and what did not fit is not there in part.
  expect((await store.get("kept"))?.length).toBe(4 << 20);
  for (const name of await store.list("pack-")) expect((await store.get(name))?.length).toBe(4 << 20);
}, 120_000);

test("a build that takes more memory than it may is said to have been killed for it, and the next one is well", async () => {
  await using space = await tenant("buildoom");
  const HUNGRY = "const all = []; for (;;) all.push(Buffer.alloc(256 << 20, 1));";
  using source = folder({ ...appFiles("modest"), Dockerfile: `${DOCKERFILE}RUN bun -e '${HUNGRY}'\n` });
  const args = ["--name", space.app("hungry"), "-n", space.name];
  expect(await push(source.path, args)).toMatchObject({ exit: 52, outcome: "failed", fault: { code: "build_oom" } });
  source.write({ Dockerfile: DOCKERFILE });
  expect(await push(source.path, args)).toMatchObject({ exit: 0, outcome: "live" });
}, 180_000);

test("the staging Pod is deleted during a build: another one builds it, and the push says that it began again", async () => {
  await using space = await tenant("evict");
  using source = folder({ Dockerfile: SLOW_BUILD, "server.ts": server("in the end") });
  const selector = `davit.dev/namespace=${space.name}`;
  const pushed = await pushUntil(source.path, ["--name", space.app("moved"), "-n", space.name], building, async () => {
    await kubectl("-n", "davit-staging", "delete", "pod", "-l", selector, "--grace-period=0", "--force", "--wait=false");
  });
  expect(pushed).toMatchObject({ exit: 0, result: { outcome: "live", revision: 1 } });
  expect(pushed.events.some((event) => event.type === "notice" && /starts again/.test(event.message))).toBe(true);
  expect(await (await fetch(pushed.result.url ?? "")).text()).toBe("in the end");
}, 120_000);

test("whoever asks during a push is always answered, and after it never by the old version, slow starters included", async () => {
  await using space = await tenant("zero");
  const slow = (text: string) => `await Bun.sleep(4000);\n${server(text)}`;
  using source = folder({ Dockerfile: DOCKERFILE, "server.ts": slow("one") });
  const args = ["--name", space.app("steady"), "-n", space.name];
  const first = await push(source.path, args);
  expect(first.outcome).toBe("live");
  const during = poll(first.url ?? "");
  source.write({ "server.ts": slow("two") });
  const second = await push(source.path, args);
  const after = poll(first.url ?? "");
  expect(second.outcome).toBe("live");
  expect(await push(source.path, [...args, "--instances", "2"])).toMatchObject({ outcome: "live" });
  await Promise.all([during.stop(), after.stop()]);
  expect([...new Set(during.answers)].sort()).toEqual(["one", "two"]);
  expect([...new Set(after.answers)]).toEqual(["two"]);
}, 120_000);

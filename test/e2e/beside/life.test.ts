import { expect, test } from "bun:test";
import type { LogLine } from "#shared/api";
import { AppDetails } from "#shared/app";
import type { V1Pod } from "#shared/kube/objects";
import { commandsIn } from "#test/commands";
import { deleteImage } from "#test/delete-image";
import { DOCKERFILE, davit, folder, kube, kubectl, push, start, type TestTenant, tenant } from "#test/lab";
import { live } from "#test/live";

/** Answers its version, the path and some of its variables, and logs a line for /log/WORD. */
const server = (version: string) => `Bun.serve({ port: process.env.PORT, fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/log/")) console.log(pathname.slice(5));
  if (pathname === "/end") process.exit(7);
  return new Response(["${version}", pathname, process.env.A ?? "-", process.env.B ?? "-"].join(" "));
} });
console.log("${version} starts");
process.on("SIGTERM", () => process.exit(0));
`;
const files = (version: string) => ({ Dockerfile: DOCKERFILE, "server.ts": server(version) });

/** An app in a namespace of its own, pushed once. */
async function pushed(name: string, ...args: string[]) {
  const space = await tenant(name);
  const source = folder(files("one"));
  const app = space.app(name);
  const cli = commandsIn(space.name);
  const first = await push(source.path, ["--name", app, "-n", space.name, ...args]);
  expect({ outcome: first.outcome, fault: first.fault }).toEqual({ outcome: "live", fault: undefined });
  const ask = async (path = "/") => await (await fetch((first.url ?? "") + path)).text();
  const again = (version: string, ...more: string[]) => {
    source.write(files(version));
    return push(source.path, ["--name", app, "-n", space.name, ...more]);
  };
  const show = async () => AppDetails.parse(await cli.json("app", "show", app));
  const end = async () => {
    source[Symbol.dispose]();
    await space[Symbol.asyncDispose]();
  };
  return { space, app, cli, first, ask, again, show, pods: () => podsOf(space, app), [Symbol.asyncDispose]: end };
}

async function podsOf(space: TestTenant, app: string): Promise<string[]> {
  const pods = await (await kube()).list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: space.name }, { labels: `davit.dev/app=${app}` });
  return pods.flatMap(({ metadata }) => (metadata?.deletionTimestamp ? [] : (metadata?.uid ?? ""))).sort();
}

test("several variables are set with one restart, and taken away again; values are shown only when asked for", async () => {
  await using shop = await pushed("env");
  const before = await shop.pods();
  expect(await shop.cli.json("app", "env", "set", shop.app, "A=x,y=z", "B=hunter2")).toMatchObject({ outcome: "live", revision: 2 });
  expect(await shop.ask()).toBe("one / x,y=z hunter2");
  const after = await shop.pods();
  expect([after.length, before.includes(after[0] ?? "")]).toEqual([1, false]);
  expect(await shop.cli.json("app", "env", "set", shop.app, "A=x,y=z")).toMatchObject({ outcome: "unchanged", revision: 2 });
  expect(await shop.cli.must("app", "env", "list", shop.app)).toBe("A\nB\n");
  expect(await shop.cli.json("app", "env", "list", shop.app, "--reveal")).toEqual({ A: "x,y=z", B: "hunter2" });
  expect(JSON.stringify([await shop.show(), await shop.cli.must("app", "revisions", shop.app)])).not.toContain("hunter2");
  expect(await shop.cli.json("app", "env", "unset", shop.app, "A", "NEVER")).toMatchObject({ outcome: "live", revision: 3 });
  expect(await shop.ask()).toBe("one / - hunter2");
}, 120_000);

test("scaling keeps the Pods that run; stop and start remember how many there were; restart replaces all", async () => {
  await using shop = await pushed("scale");
  const one = await shop.pods();
  expect(await shop.cli.json("app", "scale", shop.app, "3")).toMatchObject({ outcome: "live" });
  const three = await shop.pods();
  expect([three.length, three.includes(one[0] ?? "")]).toEqual([3, true]);
  await shop.cli.must("app", "scale", shop.app, "2");
  const two = await shop.pods();
  expect(two.length).toBe(2);
  expect(two.every((uid) => three.includes(uid))).toBe(true);

  await shop.cli.must("app", "stop", shop.app);
  expect(await shop.show()).toMatchObject({ status: "stopped", stopped: true, scale: 2, instances: 0, ready: 0 });
  expect(await shop.pods()).toEqual([]);
  const entered = await davit(["app", "exec", shop.app, "-n", shop.space.name, "--", "true"]);
  expect([entered.code, entered.stderr.includes(`no instance of '${shop.app}' runs`)]).toEqual([3, true]);
  expect(await shop.cli.refusal("app", "restart", shop.app)).toMatchObject({
    exit: 2,
    code: "usage",
    message: expect.stringContaining("is stopped"),
  });
  await shop.cli.must("app", "start", shop.app);
  expect(await shop.show()).toMatchObject({ status: "live", stopped: false, scale: 2, instances: 2, ready: 2 });
  const started = await shop.pods();
  await shop.cli.must("app", "restart", shop.app);
  const restarted = await shop.pods();
  expect([restarted.length, restarted.some((uid) => started.includes(uid))]).toEqual([2, false]);
  expect(await shop.ask()).toBe("one / - -");
}, 180_000);

test("a rollback brings back the old answer and the old environment without a build; again, it goes forward", async () => {
  await using shop = await pushed("back", "--env", "A=first");
  expect((await shop.again("two", "--env", "A=second", "--instances", "2")).outcome).toBe("live");
  // What changes nothing of the Pods, or nothing at all but the Pods, is nothing to go back to.
  await shop.cli.must("app", "scale", shop.app, "1");
  await shop.cli.must("app", "restart", shop.app);
  expect(await shop.ask()).toBe("two / second -");

  const back = await shop.cli.json("app", "rollback", shop.app);
  expect(back).toMatchObject({ outcome: "live", revision: 5, image: shop.first.image, reused: { build: true } });
  expect(await shop.ask()).toBe("one / first -");
  expect(await shop.show()).toMatchObject({
    instances: 1,
    image: shop.first.image,
    revisions: [{ number: 5, from: 1, outcome: "live" }, {}, {}, {}, {}],
  });

  expect(await shop.cli.json("app", "rollback", shop.app)).toMatchObject({ outcome: "live", revision: 6 });
  expect(await shop.ask()).toBe("two / second -");
  expect(await shop.cli.json("app", "rollback", shop.app, "1")).toMatchObject({ outcome: "live", revision: 7 });
  expect(await shop.ask()).toBe("one / first -");
  expect(await shop.cli.json("app", "rollback", shop.app, "1")).toMatchObject({ outcome: "unchanged", revision: 7 });
  expect(await shop.cli.refusal("app", "rollback", shop.app, "99")).toMatchObject({ exit: 3, code: "revision_not_found" });
}, 180_000);

test("a change that was made while a push builds says so when that fails, and is made to what serves when it is asked for again", async () => {
  await using shop = await pushed("base");
  using broken = folder({ Dockerfile: "FROM oven/bun:1\nRUN sleep 2; exit 9\n" });
  const next = await push(broken.path, ["--name", shop.app, "-n", shop.space.name, "--no-wait"]);
  expect(next).toMatchObject({ outcome: "detached", revision: 2 });
  const changes = ["A=early", "B=early"].map((pair) => shop.cli.refusal("app", "env", "set", shop.app, pair));
  for (const refused of await Promise.all(changes)) {
    expect(refused).toMatchObject({
      exit: 50,
      code: "base_failed",
      message: expect.stringMatching(/^revision 2 of '.*', which was being pushed, has failed \(build_failed\): .*9/),
      details: { app: shop.app, namespace: shop.space.name, revision: "2", serving: "1" },
    });
  }
  expect(await shop.cli.json("app", "env", "set", shop.app, "A=late")).toMatchObject({ outcome: "live", revision: 5 });
  expect(await shop.ask()).toBe("one / late -");
}, 120_000);

test("with one revision there is nothing to go back to", async () => {
  await using shop = await pushed("only");
  await shop.cli.must("app", "restart", shop.app);
  expect(await shop.cli.refusal("app", "rollback", shop.app)).toMatchObject({ exit: 3, code: "revision_not_found" });
}, 120_000);

test("a rollback to an image that is gone says so, and what to type; that builds it again", async () => {
  await using shop = await pushed("gone", "--env", "A=first");
  expect((await shop.again("two", "--env", "A=second")).outcome).toBe("live");
  await deleteImage(shop.first.image ?? "", shop.app, shop.space.name);

  const refused = await shop.cli.run("app", "rollback", shop.app, "1");
  expect(refused.stderr).toContain("(image_gone)");
  expect(refused.stderr).toContain(`\`davit app restage ${shop.app} -n ${shop.space.name} --revision 1\``);
  expect(refused.code).toBe(58);
  expect(await shop.ask()).toBe("two / second -");

  expect(await shop.cli.json("app", "restage", shop.app, "--revision", "1")).toMatchObject({
    outcome: "live",
    revision: 3,
    reused: { build: false },
  });
  expect(await shop.ask()).toBe("one / first -");
}, 180_000);

test("restage builds what serves again", async () => {
  await using shop = await pushed("stage");
  const before = await shop.pods();
  const events = await shop.cli.must("app", "restage", shop.app, "-o", "events");
  expect(events).toContain("Unpacking rootfs");
  expect(JSON.parse(events.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ type: "done", result: { outcome: "live", revision: 2 } });
  expect(await shop.pods()).not.toEqual(before);
  expect(await shop.ask()).toBe("one / - -");
}, 120_000);

test("routes: several, with paths; one that is taken is refused before anything starts; none at all", async () => {
  await using shop = await pushed("route");
  const { hostname: host, origin } = new URL(shop.first.url ?? "");
  const second = `second-${host}`;
  const before = await shop.pods();
  await shop.cli.must("app", "update", shop.app, "--route", `${host}/shop`, "--route", second);
  const at = async (route: string, path: string) => {
    const answer = await fetch(`${origin.replace(host, route)}${path}`);
    return `${answer.status} ${answer.ok ? await answer.text() : ""}`;
  };
  expect(await at(host, "/shop/x")).toBe("200 one /shop/x - -");
  expect(await at(second, "/y")).toBe("200 one /y - -");
  expect(await at(host, "/elsewhere")).toBe("404 ");
  expect(await shop.show()).toMatchObject({ url: `${origin}/shop`, routes: [`${host}/shop`, second] });
  expect(await shop.pods()).toEqual(before);

  await using other = await tenant("route-taken");
  using source = folder(files("other"));
  const taken = await push(source.path, ["--name", other.app("other"), "-n", other.name, "--route", second]);
  expect([taken.exit, taken.fault?.code, taken.revision]).toEqual([3, "route_taken", null]);
  expect(await kubectl("get", "apps.davit.dev,revisions.davit.dev,pods,ingresses", "-n", other.name, "-o", "name")).toBe("");
  expect(await kubectl("get", "pods", "-n", "davit-staging", "-l", `davit.dev/namespace=${other.name}`, "-o", "name")).toBe("");

  expect(await shop.cli.json("app", "update", shop.app, "--no-route")).toMatchObject({ outcome: "live", url: null });
  expect(await kubectl("get", "ingresses", "-n", shop.space.name, "-o", "name")).toBe("");
  expect(await shop.cli.refusal("app", "open", shop.app)).toMatchObject({ exit: 3, code: "no_url" });
  expect(await shop.pods()).toEqual(before);
}, 120_000);

test("logs: since a time, of the container before the restart, and followed over a restart of the agent", async () => {
  await using shop = await pushed("logs");
  const read = async (...args: string[]): Promise<LogLine[]> => parse(await shop.cli.must("app", "logs", shop.app, "-o", "json", ...args));
  await shop.ask("/log/early");
  const early = (await read()).find(({ line }) => line === "early");
  await Bun.sleep(1100);
  await shop.ask("/log/late");
  const later = new Date(Date.parse(early?.at ?? "") + 1000).toISOString();
  expect((await read("--since", later)).map(({ line }) => line)).toEqual(["late"]);
  expect((await read("--since", "1h")).map(({ line }) => line)).toEqual(["one starts", "early", "late"]);
  expect(await read("--previous")).toEqual([]);

  const follower = start(["app", "logs", shop.app, "-n", shop.space.name, "-f", "-o", "json"]);
  const told: string[] = [];
  const following = (async () => {
    for await (const line of live<LogLine>(follower.stdout)) {
      told.push(line.line);
      if (line.line === "last") follower.kill("SIGINT");
    }
  })();
  await fetch(`${shop.first.url}/end`).catch(() => {});
  await untilAnswers(shop.first.url ?? "");
  await shop.ask("/log/before");
  await kubectl("-n", "davit", "delete", "pod", "-l", "app.kubernetes.io/component=agent", "--grace-period=0", "--force", "--wait=false");
  for (let number = 0; number < 20; number++) {
    await shop.ask(`/log/during-${number}`);
    await Bun.sleep(100);
  }
  await kubectl("-n", "davit", "rollout", "status", "deployment/davit-agent", "--timeout=60s");
  await shop.ask("/log/last");
  await following;
  expect(await follower.exited).toBe(130);
  const during = Array.from({ length: 20 }, (_, number) => `during-${number}`);
  expect(told).toEqual(["one starts", "early", "late", "one starts", "before", ...during, "last"]);
  expect((await read("--previous")).map(({ line }) => line)).toEqual(["one starts", "early", "late"]);
}, 180_000);

function parse(text: string): LogLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

async function untilAnswers(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(url, { keepalive: false }).catch(() => undefined);
    if (answer?.ok) return;
    await Bun.sleep(100);
  }
}

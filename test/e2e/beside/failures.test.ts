import { expect, test } from "bun:test";
import type { FaultCode } from "#shared/fault";
import { appFiles, DOCKERFILE, folder, kube, kubectl, push, server, tenant } from "#test/lab";

test("a build that fails says why, and the version before keeps answering", async () => {
  await using space = await tenant("build");
  using app = folder(appFiles("good"));
  const args = ["--name", space.app("shop"), "-n", space.name];
  const good = await push(app.path, args);
  expect(good.outcome).toBe("live");

  const cases: { dockerfile: string; code: FaultCode; exit: number }[] = [
    { dockerfile: 'FROM oven/bun:1\nRUN echo "no such step" >&2; exit 7\n', code: "build_failed", exit: 51 },
    { dockerfile: "FROM oven/bun:1\nFROBNICATE now\n", code: "dockerfile_invalid", exit: 53 },
    { dockerfile: "FROM oven/never-heard-of:9\n", code: "base_image_missing", exit: 54 },
  ];
  for (const { dockerfile, code, exit } of cases) {
    app.write({ Dockerfile: dockerfile });
    const failed = await push(app.path, args);
    expect({ dockerfile, outcome: failed.outcome, code: failed.fault?.code, exit: failed.exit }).toEqual({
      dockerfile,
      outcome: "failed",
      code,
      exit,
    });
    expect(await (await fetch(good.url ?? "")).text()).toBe("good");
  }

  app.write({ Dockerfile: DOCKERFILE });
  expect((await push(app.path, args)).outcome).toBe("unchanged");
}, 180_000);

test("an app that crashes fails the push with its exit code and last lines; the old version serves on, and a first push leaves nothing", async () => {
  await using space = await tenant("crash");
  using app = folder(appFiles("steady"));
  const args = ["--name", space.app("shop"), "-n", space.name];
  const good = await push(app.path, args);
  app.write({ "server.ts": 'console.error("the database is missing"); process.exit(3);\n' });
  const failed = await push(app.path, args);
  expect(failed).toMatchObject({ outcome: "failed", exit: 61, fault: { code: "app_crashed", details: { exit: "3" } } });
  expect(failed.fault?.details?.["log"]).toContain("the database is missing");
  expect(await (await fetch(good.url ?? "")).text()).toBe("steady");

  const fresh = await push(app.path, ["--name", space.app("fresh"), "-n", space.name]);
  expect(fresh.fault?.code).toBe("app_crashed");
  const left = await (await kube()).list({ apiVersion: "apps/v1", kind: "Deployment", namespace: space.name });
  expect(left.map((deployment) => deployment.metadata?.name)).toEqual([space.app("shop")]);

  app.write({ "server.ts": server("mended") });
  const mended = await push(app.path, args);
  expect(mended.outcome).toBe("live");
  expect(await (await fetch(mended.url ?? "")).text()).toBe("mended");
}, 180_000);

test("apps that nobody can reach: wrong port, loopback only, never ready", async () => {
  await using space = await tenant("reach");
  const apps = {
    "wrong-port": "Bun.serve({ port: 3000, fetch: () => new Response() });",
    loopback: 'Bun.serve({ port: process.env.PORT, hostname: "127.0.0.1", fetch: () => new Response() });',
    "never-ready": "setInterval(() => undefined, 1000);",
  };
  const results = await Promise.all(
    Object.entries(apps).map(async ([name, code]) => {
      using app = folder({ Dockerfile: DOCKERFILE, "server.ts": code });
      return [name, await push(app.path, ["--name", space.app(name), "-n", space.name])] as const;
    }),
  );
  for (const [name, result] of results) {
    expect({ name, code: result.fault?.code, exit: result.exit }).toEqual({ name, code: "app_not_listening", exit: 62 });
  }
  const [wrong] = results;
  expect(wrong?.[1].fault?.message).toContain("port 3000");
}, 180_000);

test("an app that takes more memory than it may is said to have been killed for it", async () => {
  await using space = await tenant("oom");
  using app = folder({ Dockerfile: DOCKERFILE, "server.ts": "const all = []; for (;;) all.push(Buffer.alloc(64 << 20, 1));" });
  const result = await push(app.path, ["--name", space.app("hungry"), "-n", space.name]);
  expect(result).toMatchObject({ outcome: "failed", exit: 65, fault: { code: "app_oom" } });
}, 120_000);

test("in a namespace under Pod Security `restricted` an app that is root is told why not, and one that is somebody else runs", async () => {
  await using space = await tenant("strict");
  await kubectl("label", "namespace", space.name, "pod-security.kubernetes.io/enforce=restricted");
  using app = folder(appFiles("nobody's"));
  const args = ["--name", space.app("shop"), "-n", space.name];
  const asRoot = await push(app.path, args);
  expect(asRoot).toMatchObject({ outcome: "failed", exit: 67, fault: { code: "pod_forbidden", message: expect.stringContaining("as root") } });
  expect(asRoot.stderr).toContain("USER 1000");

  app.write({ Dockerfile: `${DOCKERFILE}USER 1000\n` });
  const asNobody = await push(app.path, args);
  expect({ outcome: asNobody.outcome, fault: asNobody.fault }).toEqual({ outcome: "live", fault: undefined });
  expect(await (await fetch(asNobody.url ?? "")).text()).toBe("nobody's");
}, 180_000);

import { expect, test } from "bun:test";
import { join } from "node:path";
import { PushResult } from "#shared/push-event";
import { appFiles, DOCKERFILE, davit, folder, push, tenant } from "#test/lab";

const envServer = "Bun.serve({ port: process.env.PORT, fetch: () => Response.json({ text: process.env.TEXT, port: process.env.PORT }) });";

test("several apps of one davit.yml are pushed in their order, and --name takes one", async () => {
  await using space = await tenant("several");
  const [api, web] = [space.app("api"), space.app("web")];
  using app = folder({
    "api/Dockerfile": DOCKERFILE,
    "api/server.ts": envServer,
    "web/Dockerfile": DOCKERFILE,
    "web/server.ts": envServer,
    "davit.yml": [api, web]
      .map(
        (name, index) =>
          `name: ${name}\nnamespace: ${space.name}\nsource: {path: ${["api", "web"][index]}}\nport: 90${index}0\nenv: {TEXT: 1.${index}0}\n`,
      )
      .join("---\n"),
  });
  const first = await davit(["push", "-o", "json"], { cwd: app.path });
  const results = PushResult.array().parse(JSON.parse(first.stdout));
  expect(results).toMatchObject([
    { app: api, outcome: "live", namespace: space.name },
    { app: web, outcome: "live", namespace: space.name },
  ]);
  const answers = await Promise.all(results.map(async ({ url }) => await (await fetch(url ?? "")).json()));
  expect(answers).toEqual([
    { text: "1.00", port: "9000" },
    { text: "1.10", port: "9010" },
  ]);

  const one = await davit(["push", join(app.path, "davit.yml"), "--name", web, "--env", "TEXT=flag", "-o", "json"]);
  const changed = PushResult.parse(JSON.parse(one.stdout));
  expect(changed).toMatchObject({ app: web, outcome: "live", revision: 2, reused: { build: true } });
  expect(await (await fetch(changed.url ?? "")).json()).toEqual({ text: "flag", port: "9010" });
}, 180_000);

test("the first app that fails ends a push of several, and what was done is said", async () => {
  await using space = await tenant("stops");
  const names = ["a", "b", "c"].map((name) => space.app(name));
  using app = folder({
    "good/Dockerfile": DOCKERFILE,
    "good/server.ts": envServer,
    "bad/Dockerfile": "FROM oven/bun:1\nRUN exit 3\n",
    "davit.yml": names.map((name, index) => `name: ${name}\nsource: {path: ${["good", "bad", "good"][index]}}\n`).join("---\n"),
  });
  const done = await davit(["push", "-n", space.name, "-o", "json"], { cwd: app.path });
  expect(JSON.parse(done.stdout)).toMatchObject([{ outcome: "live" }, { outcome: "failed", fault: { code: "build_failed" } }]);
  expect(done.stderr).toEndWith(`pushed: ${names[0]}; failed: ${names[1]}; not begun: ${names[2]}\n`);
  expect(done.code).toBe(51);
  expect(JSON.parse((await davit(["app", "list", "-n", space.name, "-o", "json"])).stdout).map(({ name }: { name: string }) => name)).not.toContain(
    names[2],
  );
}, 180_000);

test("an epinio.yml is pushed as it is", async () => {
  await using space = await tenant("epinio");
  const name = space.app("shop");
  using app = folder({
    "src/Dockerfile": DOCKERFILE,
    "src/server.ts": envServer,
    "epinio.yml": `name: ${name}\nstaging: {builder: b}\norigin: {path: src}\nconfiguration:\n  instances: 2\n  environment: {TEXT: from epinio}\n  appchart: standard\n`,
  });
  const done = await davit(["push", "-n", space.name, "-o", "json"], { cwd: app.path });
  const result = PushResult.parse(JSON.parse(done.stdout));
  expect(result).toMatchObject({ app: name, outcome: "live" });
  expect(done.stderr).toContain("epinio.yml: staging.builder is not used");
  expect(done.stderr).toContain("epinio.yml: configuration.appchart is not used");
  expect(await (await fetch(result.url ?? "")).json()).toMatchObject({ text: "from epinio" });
  expect(JSON.parse((await davit(["app", "show", name, "-n", space.name, "-o", "json"])).stdout)).toMatchObject({ instances: 2 });
}, 120_000);

test("what `davit manifest show` writes pushes the app again without a change", async () => {
  await using space = await tenant("shown");
  const name = space.app("shop");
  using app = folder({ ...appFiles(""), "server.ts": envServer });
  const hostile = 'a: "b" #c\n  two lines, $HOME\\n\t';
  const first = await push(app.path, [
    "--name",
    name,
    "-n",
    space.name,
    "--env",
    `TEXT=${hostile}`,
    "--env",
    "N=007",
    "--port",
    "9000",
    "--build-arg",
    "V=1.10",
  ]);
  expect(first.outcome).toBe("live");
  const shown = await davit(["manifest", "show", name, "-n", space.name]);
  app.write({ "davit.yml": shown.stdout });
  const again = await davit(["push", "-o", "json"], { cwd: app.path });
  expect(PushResult.parse(JSON.parse(again.stdout))).toMatchObject({ outcome: "unchanged", app: name, namespace: space.name, revision: 1 });
  expect(await (await fetch(first.url ?? "")).json()).toEqual({ text: hostile, port: "9000" });

  const moved = await davit(["push", "--instances", "2", "-o", "json"], { cwd: app.path });
  expect(PushResult.parse(JSON.parse(moved.stdout))).toMatchObject({ outcome: "live", revision: 2, image: first.image });
  expect((await davit(["manifest", "show", name, "-n", space.name])).stdout).toBe(shown.stdout.replace("instances: 1", "instances: 2"));
}, 120_000);

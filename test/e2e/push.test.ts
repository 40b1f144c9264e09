import { expect, test } from "bun:test";
import { appFiles, davit, folder, kube, parseEvents, push, server, tenant } from "#test/lab";

test("a folder becomes a URL that answers; pushed again it is unchanged; changed, the new version answers", async () => {
  await using space = await tenant("push");
  using app = folder(appFiles("one"));
  const args = ["--name", space.app("hello"), "-n", space.name];

  const first = await push(app.path, args);
  expect(first).toMatchObject({ outcome: "live", app: space.app("hello"), namespace: space.name, revision: 1, exit: 0 });
  expect(first.url).toStartWith(`https://${space.app("hello")}.`);
  expect(await (await fetch(first.url ?? "")).text()).toBe("one");
  expect(first.reused.build).toBe(false);
  expect(first.sent.chunks).toBe(2);

  const again = await push(app.path, args);
  expect(again).toMatchObject({ outcome: "unchanged", revision: 1, url: first.url, image: first.image, exit: 0 });
  expect(again.sent.chunks).toBe(0);

  app.write({ "server.ts": server("two") });
  const second = await push(app.path, args);
  expect(second).toMatchObject({ outcome: "live", revision: 2, exit: 0 });
  expect(await (await fetch(second.url ?? "")).text()).toBe("two");
  expect(second.sent.chunks).toBe(1);

  app.write({ "server.ts": server("one") });
  const back = await push(app.path, args);
  expect(back).toMatchObject({ outcome: "live", revision: 3, image: first.image, exit: 0 });
  expect(back.reused.build).toBe(true);
  expect(await (await fetch(back.url ?? "")).text()).toBe("one");
}, 120_000);

test("the event stream counts from 1 without a gap and ends with exactly one done", async () => {
  await using space = await tenant("events");
  using app = folder(appFiles("events"));
  const done = await davit(["push", "--path", app.path, "--name", space.app("stream"), "-n", space.name, "-o", "events"]);
  const events = parseEvents(done.stdout);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.filter((event) => event.type === "done")).toHaveLength(1);
  expect(events.at(-1)?.type).toBe("done");
  const ended = events.flatMap((event) => (event.type === "phase-ended" ? [event.phase] : []));
  expect(ended).toEqual(["plan", "upload", "hydrate", "stage", "deploy", "live"]);
}, 120_000);

test("settings of a push stay until another push changes them, and env never shows its values", async () => {
  await using space = await tenant("settings");
  using app = folder({
    ...appFiles(""),
    "server.ts": "Bun.serve({ port: process.env.PORT, fetch: () => Response.json({ greeting: process.env.GREETING, port: process.env.PORT }) });",
  });
  const args = ["--name", space.app("settings"), "-n", space.name];
  const first = await push(app.path, [...args, "--env", "GREETING=hello, you=there", "--port", "9000", "--instances", "2"]);
  expect(first.outcome).toBe("live");
  expect(await (await fetch(first.url ?? "")).json()).toEqual({ greeting: "hello, you=there", port: "9000" });

  const second = await push(app.path, [...args, "--env", "OTHER=1"]);
  expect(second).toMatchObject({ outcome: "live", revision: 2 });
  expect(second.reused.build).toBe(true);
  expect(await (await fetch(second.url ?? "")).json()).toEqual({ greeting: "hello, you=there", port: "9000" });

  const shown = await davit(["app", "show", space.app("settings"), "-n", space.name, "-o", "json"]);
  expect(JSON.parse(shown.stdout)).toMatchObject({ instances: 2, port: 9000, envNames: ["GREETING", "OTHER"] });
  const cluster = await kube();
  const revisions = await cluster.json(`/apis/davit.dev/v1alpha1/namespaces/${space.name}/revisions`);
  expect(JSON.stringify(revisions) + shown.stdout + first.stderr).not.toContain("hello, you=there");
}, 120_000);

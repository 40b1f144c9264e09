import { expect, test } from "bun:test";
import type { PushRequest } from "#shared/app";
import { Kube } from "#shared/kube/client";
import type { Config } from "./config.ts";
import type { Deps } from "./deps.ts";
import { LABEL } from "./objects/meta.ts";
import type { App, Revision } from "./objects/types.ts";
import { type Present, want } from "./want.ts";

type Env = Record<string, string>;

interface Past {
  env?: Env;
  image?: string;
  outcome?: "live" | "failed";
  /** Whose Pods serve it, when not its own. */
  pods?: number;
  port?: number;
  instances?: number;
}

/** An app whose revisions these are, from 1 on; the newest one that was live serves. The API server has nothing but their env. */
function appWith(...past: Past[]): Disposable & { want: (request: PushRequest) => ReturnType<typeof want> } {
  const revisions = past.map((each, index) => revision(index + 1, each)).reverse();
  const serving = revisions.find(({ status }) => status?.outcome === "live");
  const secrets = new Map(past.map(({ env = {} }, index) => [`shop-${index + 1}-env`, env]));
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      const env = secrets.get(new URL(url).pathname.split("/").at(-1) ?? "");
      if (!env) return new Response(null, { status: 404 });
      return Response.json({ data: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, btoa(value)])) });
    },
  });
  const kube = new Kube({ server: server.url.origin, tls: {}, headers: async () => ({}) });
  const deps = { kube, config: { domain: { host: "apps.test", port: "" }, kanikoImage: "kaniko" } as Config } as Deps;
  const app = { metadata: { name: "shop", namespace: "team" }, status: serving ? { revision: serving.spec.number } : {} } as App;
  const present: Present = { app, serving, base: serving, env: secrets.get(serving?.spec.envSecret ?? "") ?? {}, revisions };
  return { want: (request) => want(deps, present, request, "shop"), [Symbol.dispose]: () => void server.stop(true) };
}

function revision(
  number: number,
  { image = "registry/team/shop@sha256:01", outcome = "live", pods = number, port = 8080, instances = 1 }: Past,
): Revision {
  const settings = { routes: ["shop.apps.test"], instances, stopped: false, port, configurations: [] };
  return {
    apiVersion: "davit.dev/v1alpha1",
    kind: "Revision",
    metadata: { name: `shop-${number}`, namespace: "team", labels: { [LABEL.buildKey]: image } },
    spec: {
      app: "shop",
      number,
      source: { kind: "tree", tree: String(number).repeat(64) },
      pods,
      settings,
      envSecret: `shop-${pods}-env`,
      buildArgs: {},
      rebuild: false,
      createdBy: "ann",
      timeoutSeconds: 60,
    },
    status: { outcome, ...(outcome === "live" ? { image } : {}) },
  };
}

test.each<[string, Past[], number]>([
  ["another image", [{ image: "a" }, { image: "b" }], 1],
  ["another environment", [{ env: { A: "1" } }, { env: { A: "2" } }], 1],
  ["another port", [{ port: 1000 }, { port: 2000 }], 1],
  ["not one that failed", [{ image: "a" }, { image: "b", outcome: "failed" }, { image: "c" }], 1],
  ["not one that was only scaled", [{ image: "a" }, { image: "b" }, { image: "b", pods: 2, instances: 3 }], 1],
  ["not one that was only restarted", [{ image: "a" }, { image: "b", env: { A: "1" } }, { image: "b", env: { A: "1" } }], 1],
  ["forward again after a rollback", [{ image: "a" }, { image: "b" }, { image: "a" }], 2],
])("a rollback goes to the newest revision that differs: %s", async (_, past, number) => {
  using app = appWith(...past);
  expect((await app.want({ from: "previous" })).from?.spec.number).toBe(number);
});

test("a rollback takes what is in the Pods, and leaves routes and instances", async () => {
  using app = appWith({ image: "a", env: { A: "1" }, port: 1000, instances: 5 }, { image: "b", env: { A: "2", B: "2" }, port: 2000, instances: 2 });
  const wanted = await app.want({ from: 1 });
  expect({ env: wanted.env, port: wanted.settings.port, instances: wanted.settings.instances }).toEqual({
    env: { A: "1" },
    port: 1000,
    instances: 2,
  });
  expect(wanted.source).toEqual({ kind: "tree", tree: "1".repeat(64) });
});

test.each<[string, Past[], PushRequest, string]>([
  ["there is no other", [{}, {}], { from: "previous" }, "no earlier revision that differs"],
  ["nothing was live", [{ outcome: "failed" }], { from: "previous" }, "nothing of 'shop' has been live yet"],
  ["there is no such revision", [{}], { from: 7 }, "has no revision 7"],
  ["its build failed", [{ outcome: "failed" }, {}], { from: 1 }, "its build did not end well"],
  ["nothing was live, for a change", [{ outcome: "failed" }], { restart: true }, "nothing of 'shop' has been live yet"],
])("nothing to go back to: %s", async (_, past, request, message) => {
  using app = appWith(...past);
  await expect(app.want(request)).rejects.toThrow(message);
});

test("to build again, it is enough that it was tried", async () => {
  using failed = appWith({ outcome: "failed" });
  expect(await failed.want({ rebuild: true })).toMatchObject({ source: { tree: "1".repeat(64) }, from: undefined, samePods: false });
  using later = appWith({ outcome: "failed" }, {});
  expect(await later.want({ rebuild: true, from: 1 })).toMatchObject({ source: { tree: "1".repeat(64) }, from: undefined });
});

test.each<[string, PushRequest, boolean]>([
  ["more instances", { instances: 3 }, true],
  ["another route", { routes: [] }, true],
  ["stopped", { stopped: true }, true],
  ["the environment that it has", { env: { A: "1" } }, true],
  ["going back to what serves", { from: 1 }, true],
  ["another variable", { env: { B: "1" } }, false],
  ["one variable less", { env: { A: null } }, false],
  ["another port", { port: 9000 }, false],
  ["another configuration", { bind: ["mail"] }, false],
  ["a restart", { restart: true }, false],
  ["a build", { rebuild: true }, false],
])("the Pods that run are right for %s: %p -> %p", async (_, request, right) => {
  using app = appWith({ env: { A: "1" } });
  expect((await app.want(request)).samePods).toBe(right);
});

test("starting an app that has no instance runs one, and as many as it has otherwise", async () => {
  using none = appWith({ instances: 0 });
  expect((await none.want({ stopped: false })).settings).toMatchObject({ instances: 1, stopped: false });
  using three = appWith({ instances: 3 });
  expect((await three.want({ stopped: false })).settings).toMatchObject({ instances: 3 });
  expect((await three.want({ stopped: true })).settings).toMatchObject({ instances: 3, stopped: true });
});

import { expect, test } from "bun:test";
import { Kube } from "#shared/kube/client";
import { manifestOf } from "./manifest.ts";
import { type App, DAVIT_API, type Revision } from "./objects/types.ts";

const metadata = { name: "shop", namespace: "team" };

function app(revision?: number): App {
  const spec = { routes: [], instances: 1, stopped: false, port: 8080, configurations: [] };
  return { apiVersion: DAVIT_API, kind: "App", metadata, spec, ...(revision === undefined ? {} : { status: { revision } }) };
}

function revision(number: number): Revision {
  return {
    apiVersion: DAVIT_API,
    kind: "Revision",
    metadata: { ...metadata, name: `shop-${number}` },
    spec: {
      app: "shop",
      number,
      source: { kind: "git", url: "https://git.test/shop", revision: "main", credential: "bot" },
      pods: number,
      settings: { routes: [`r${number}.test`], instances: 2, stopped: true, port: 80, configurations: ["mail"] },
      envSecret: `shop-${number}-env`,
      buildArgs: { V: "1" },
      rebuild: true,
      createdBy: "ann",
      timeoutSeconds: 60,
    },
  };
}

/** An API server that has a Secret for each revision. */
function secrets(): Kube & Disposable {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => Response.json({ kind: "Secret", data: { FROM: Buffer.from(url.split("/").at(-1) ?? "").toString("base64") } }),
  });
  const kube = new Kube({ server: server.url.origin, tls: {}, headers: async () => ({}) });
  return Object.assign(kube, { [Symbol.dispose]: () => void server.stop(true) });
}

test("an app's manifest is what serves: source as it was asked for, settings, env and build arguments", async () => {
  using kube = secrets();
  expect(await manifestOf(kube, app(2), [3, 2, 1].map(revision))).toEqual({
    source: { kind: "git", url: "https://git.test/shop", revision: "main", credential: "bot" },
    routes: ["r2.test"],
    instances: 2,
    port: 80,
    env: { FROM: "shop-2-env" },
    configurations: ["mail"],
    buildArgs: { V: "1" },
  });
});

test("of an app that was never live it is what was asked for last; without a push there is none", async () => {
  using kube = secrets();
  expect((await manifestOf(kube, app(), [2, 1].map(revision))).routes).toEqual(["r2.test"]);
  await expect(manifestOf(kube, app(), [])).rejects.toMatchObject({ code: "revision_not_found" });
});

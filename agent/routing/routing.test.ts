import { afterAll, beforeAll, expect, test } from "bun:test";
import { HTTP_ROUTE } from "#shared/gateway";
import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { pathOf, type Ref } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import { type ControlPlane, startControlPlane } from "#test/control-plane";
import { ensureCrds } from "../../scripts/cluster/crds.ts";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import type { Certificates } from "../certificates/certificates.ts";
import type { Config } from "../config.ts";
import type { App } from "../objects/types.ts";
import { ingress } from "../objects/workload.ts";
import { Routing } from "./routing.ts";

/* On a real API server, where the test says what a Gateway's controller would. */

const GATEWAY = { namespace: "edge", name: "public" };
const TAKEN_MS = 1_000;
const INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress" };
const { signal } = new AbortController();

let plane: ControlPlane;
let admin: Kube;

beforeAll(async () => {
  plane = await startControlPlane();
  admin = plane.admin;
  const crds = Bun.YAML.parse(await ensureCrds(layoutOf(process.env), () => undefined)) as KubeObject[];
  const wanted = crds.find(({ metadata }) => metadata?.name === "httproutes.gateway.networking.k8s.io");
  await admin.apply(wanted ?? {});
  while (!(await admin.fetch(pathOf(HTTP_ROUTE))).ok) await Bun.sleep(20);
}, 90_000);
afterAll(() => plane[Symbol.asyncDispose]());

/** An app in a namespace of its own, which is served by an Ingress. */
async function served(name: string, ...routes: string[]): Promise<App> {
  await admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const settings = { routes, instances: 1, stopped: false, port: 8080, configurations: [] };
  const app: App = { apiVersion: "davit.dev/v1alpha1", kind: "App", metadata: { name: "shop", namespace: name, uid: name }, spec: settings };
  await admin.apply(ingress(app, routes, ""));
  return app;
}

function routing(config: Pick<Config, "gateway" | "httpRoutesLeft">): Routing {
  const certificates = { await: async () => [] } as Partial<Certificates> as Certificates;
  const whole = { ...config, ingressClass: "" } as Partial<Config> as Config;
  return new Routing({ kube: admin, config: whole, certificates, log: () => undefined }, TAKEN_MS);
}
const behindGateway = () => routing({ gateway: GATEWAY, httpRoutesLeft: false });

const names = async (kind: typeof INGRESS, { metadata: { namespace } }: App) =>
  (await admin.list({ ...kind, namespace })).map(({ metadata }) => metadata?.name ?? "").sort();

/** Says of an HTTPRoute what a controller would, once it is there. */
async function say(app: App, host: string, accepted: boolean, reason: string): Promise<void> {
  const ref = { ...HTTP_ROUTE, namespace: app.metadata.namespace, name: `shop.${host}` };
  const generation = await waitFor(admin, ref, (route) => (route as { metadata: { generation: number } } | undefined)?.metadata.generation);
  const condition = { type: "Accepted", status: accepted ? "True" : "False", reason, message: "", observedGeneration: generation };
  const conditions = [{ ...condition, lastTransitionTime: new Date().toISOString() }];
  await patchStatus(ref, { parents: [{ parentRef: GATEWAY, controllerName: "test.example/controller", conditions }] });
}

async function patchStatus(ref: Ref, status: object): Promise<void> {
  await admin.json(pathOf(ref, "status"), { method: "PATCH", contentType: "application/merge-patch+json", body: { status } });
}

test("an app stays with its Ingress until the Gateway has taken every host, whoever looked in between", async () => {
  const app = await served("slow", "a.test", "b.test/api");
  await Promise.all([behindGateway().lead(app, app.spec.routes, signal), say(app, "a.test", true, "Accepted")]);
  expect([await names(HTTP_ROUTE, app), await names(INGRESS, app)]).toEqual([["shop.a.test", "shop.b.test"], ["shop"]]);

  await say(app, "b.test", false, "NoMatchingListenerHostname");
  expect(await behindGateway().refusals(app)).toEqual(new Map([["b.test", "the Gateway edge/public says NoMatchingListenerHostname"]]));
  await expect(behindGateway().move(app, async () => app, signal)).rejects.toThrow();
  expect(await names(INGRESS, app)).toEqual(["shop"]);

  await say(app, "b.test", true, "Accepted");
  await behindGateway().move(app, async () => app, signal);
  expect([await names(HTTP_ROUTE, app), await names(INGRESS, app)]).toEqual([["shop.a.test", "shop.b.test"], []]);
});

test("an agent that was killed on the way is followed by one that finishes, by what the app is now", async () => {
  const app = await served("killed", "a.test", "b.test");
  // It came as far as one host, which the app has lost since.
  await behindGateway().lead({ ...app, spec: { ...app.spec, routes: [] } }, ["old.test"], AbortSignal.abort());
  const now = { ...app, spec: { ...app.spec, routes: ["b.test"] } };
  await Promise.all([behindGateway().move(app, async () => now, signal), say(app, "b.test", true, "Accepted")]);
  expect([await names(HTTP_ROUTE, app), await names(INGRESS, app)]).toEqual([["shop.b.test"], []]);
  expect(await behindGateway().left()).toEqual(new Set());
});

test("an app with a push under way is left to that", async () => {
  const app = await served("busy", "a.test");
  await behindGateway().move(app, async () => undefined, signal);
  expect([await names(HTTP_ROUTE, app), await names(INGRESS, app)]).toEqual([[], ["shop"]]);
  await Promise.all([behindGateway().lead(app, ["new.test"], signal), say(app, "new.test", true, "Accepted")]);
  expect([await names(HTTP_ROUTE, app), await names(INGRESS, app)]).toEqual([["shop.new.test"], []]);
});

test("the way back is the same, and an app that ends has nothing of either way", async () => {
  const app = await served("back", "a.test");
  await Promise.all([behindGateway().lead(app, app.spec.routes, signal), say(app, "a.test", true, "Accepted")]);
  const back = routing({ gateway: undefined, httpRoutesLeft: true });
  expect(await back.isLeft(app)).toBe(true);
  const moving = back.move(app, async () => app, signal);
  const ref = { ...INGRESS, namespace: "back", name: "shop" };
  await waitFor(admin, ref, (found) => found && true);
  expect(await names(HTTP_ROUTE, app)).toEqual(["shop.a.test"]);
  await patchStatus(ref, { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } });
  await moving;
  expect([await names(HTTP_ROUTE, app), await names(INGRESS, app)]).toEqual([[], ["shop"]]);

  await behindGateway().lead(app, app.spec.routes, AbortSignal.abort());
  await behindGateway().end("back", "shop");
  expect([await names(HTTP_ROUTE, app), await names(INGRESS, app)]).toEqual([[], []]);
});

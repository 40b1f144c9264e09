import { expect, test } from "bun:test";
import type { KubeObject } from "#shared/kube/objects";
import { startControlPlane } from "#test/control-plane";
import { resolveOptions } from "./options.ts";
import { publicRegistryProblems } from "./public-registry.ts";

const flags = { domain: "apps.example.com:8443", images: {}, mirrors: [], certsDirs: [], podCidrs: [] };
const ingress = (name: string, namespace: string, host: string) =>
  ({
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace },
    spec: { defaultBackend: { service: { name, port: { number: 80 } } }, rules: [{ host }] },
  }) as KubeObject;

test("a host that is somebody else's is not taken for nodes to pull from", async () => {
  await using plane = await startControlPlane();
  const problems = (nodeTrust: string) => publicRegistryProblems(plane.admin, resolveOptions({ ...flags, nodeTrust }, {}));
  await plane.admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "davit" } });
  await plane.admin.apply(ingress("davit-registry", "davit", "registry.apps.example.com"));
  await plane.admin.apply(ingress("shop", "default", "shop.apps.example.com"));
  expect(await problems("public")).toEqual([]);
  await plane.admin.apply(ingress("guest", "default", "registry.apps.example.com"));
  expect(await problems("public")).toEqual([
    expect.objectContaining({ check: "ingress", problem: expect.stringContaining("Ingress default/guest") }),
  ]);
  expect(await problems("daemonset")).toEqual([]);
}, 60_000);

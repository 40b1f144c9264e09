import { expect, test } from "bun:test";
import type { IssuerFlags } from "#cli/install/issuer";
import { type InstallFlags, resolveOptions } from "#cli/install/options";
import type { V1ConfigMap } from "#shared/kube/objects";
import { startControlPlane } from "#test/control-plane";
import { readTrust } from "./trust.ts";

const flags: InstallFlags = { domain: "apps.example.com:8443", images: {}, mirrors: [], certsDirs: [], podCidrs: [], nodeTrust: "public" };

test("nodes that pull by the ingress are told of davit's CA where that vouches there, and of nobody else's", async () => {
  await using plane = await startControlPlane();
  await plane.admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "davit" } });
  const metadata = { namespace: "davit", name: "davit-trust" };
  await plane.admin.apply<V1ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "ca.crt": "of davit" } });
  const trusted = (issuer: IssuerFlags) => readTrust(plane.admin, resolveOptions({ ...flags, issuer }, {}));
  const known = { registry: "registry.apps.example.com:8443", address: "registry.apps.example.com", plainHttp: false, ca: "of davit" };
  for (const own of [{}, { issuer: "selfsigned" }, { issuer: "byo", files: "ca" as const }]) expect(await trusted(own)).toEqual(known);
  for (const other of [{ issuer: "acme" }, { issuer: "existing:Issuer/ours" }, { issuer: "byo", tlsSecret: "ours" }])
    expect(await trusted(other)).toBeUndefined();
}, 60_000);

import { expect, test } from "bun:test";
import { SignJWT } from "jose";
import { Kube } from "#shared/kube/client";
import { mintPullCredential } from "#shared/registry/credential";
import { type RegistryKey, registryKeyOf } from "#shared/registry/key";
import { newSigningKey } from "#shared/registry/signing-key";
import { faultOf } from "#shared/source/testing/temp-tree";
import { Auth } from "./auth.ts";
import { type Api, admit, admitSource } from "./context.ts";
import { mintFetchToken, readFetchToken } from "./fetch-token.ts";

const newKey = async (): Promise<RegistryKey> => registryKeyOf(await newSigningKey());
const claims = { namespace: "team-a", revision: "shop-3" };

/** An API server that says no to every token and every right, and counts how often it was asked. */
function refusingServer() {
  let asked = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => {
      asked += 1;
      return Response.json({ status: { authenticated: false, allowed: false } });
    },
  });
  const kube = new Kube({ server: server.url.origin, tls: {}, headers: async () => ({}) });
  return { kube, asked: () => asked, [Symbol.dispose]: () => void server.stop(true) };
}

const bearing = (token: string) => new Request("http://agent/", { headers: { authorization: `Bearer ${token}` } });

test("a fetch token brings sources to its one namespace, and may nothing else", async () => {
  using server = refusingServer();
  const key = await newKey();
  const auth = new Auth(server.kube, key);
  const api = { auth, tenants: { need: async (name: string) => ({ name, uid: "u", createdAt: "" }) } } as unknown as Api;
  const caller = await auth.authenticate(bearing((await mintFetchToken(key, claims, 60)).reveal()));
  expect((await admitSource(api, caller, "team-a")).name).toBe("team-a");
  expect((await faultOf(admitSource(api, caller, "team-b"))).code).toBe("forbidden");
  for (const verb of ["get", "list", "create", "update", "delete"] as const) {
    for (const resource of ["apps", "apps/logs", "apps/exec", "namespaces", "garbage"] as const)
      expect((await faultOf(admit(api, caller, verb, resource, "team-a", "shop"))).code).toBe("forbidden");
  }
  expect(server.asked()).toBe(0);
});

test("a person is asked about as before", async () => {
  using server = refusingServer();
  const api = { auth: new Auth(server.kube, await newKey()), tenants: {} } as unknown as Api;
  expect((await faultOf(admitSource(api, { user: "ann", groups: [] }, "team-a"))).code).toBe("forbidden");
  expect(server.asked()).toBe(1);
});

test("a fetch token is good for as long as it says, and under its own key only", async () => {
  const [key, other] = [await newKey(), await newKey()];
  expect(await readFetchToken(key, (await mintFetchToken(key, claims, 60)).reveal())).toEqual(claims);
  for (const bad of [await mintFetchToken(key, claims, -1), await mintFetchToken(other, claims, 60)])
    expect((await faultOf(readFetchToken(key, bad.reveal()))).code).toBe("token_rejected");
  const endless = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "ES256", typ: "davit-fetch+jwt" })
    .setIssuer("davit")
    .setAudience("davit-agent");
  expect((await faultOf(readFetchToken(key, await endless.sign(key.sign)))).code).toBe("token_rejected");
});

test("what the key signs for the registry is no fetch token, nor is anybody else's token", async () => {
  const key = await newKey();
  for (const token of [(await mintPullCredential(key, { namespace: "team-a" })).reveal(), "", "a.b.c", "opaque"])
    expect(await readFetchToken(key, token)).toBeUndefined();
  using server = refusingServer();
  const auth = new Auth(server.kube, key);
  expect((await faultOf(auth.authenticate(bearing("opaque")))).code).toBe("token_rejected");
  expect(server.asked()).toBe(1);
});

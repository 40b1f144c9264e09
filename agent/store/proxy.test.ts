import { expect, test } from "bun:test";
import { Secret } from "#shared/secret";
import { forwardProxy } from "#test/forward-proxy";
import { startVersity } from "#test/versity";
import { openStore } from "./object-store.ts";

test("a store is reached by a proxy, every request of it", async () => {
  await using versity = await startVersity();
  await using proxy = await forwardProxy({ login: { user: "davit", password: "p@ss" } });
  const store = await openStore({ ...versity.place, proxy: new Secret(proxy.url) });
  await store.put("a/b", Buffer.from("text"));
  expect(Buffer.from((await store.get("a/b")) ?? []).toString()).toBe("text");
  expect(await store.list("a/")).toEqual(["a/b"]);
  expect(new Set(proxy.passed)).toEqual(new Set([versity.place.endpoint.host]));
  const refused = openStore({ ...versity.place, proxy: new Secret(proxy.url.replace("davit:", "nobody:")) });
  await expect(refused).rejects.toMatchObject({ code: "store_unavailable" });
});

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FaultyProxy, startFaultyProxy } from "#test/faulty-proxy";
import { startVersity, type TestStore } from "#test/versity";
import { type ObjectStore, openStore } from "./object-store.ts";

/* A real store behind a proxy that spoils answers. */

const TEXT = "what is stored ".repeat(100);
let versity: TestStore;
let proxy: FaultyProxy;
let store: ObjectStore;
beforeAll(async () => {
  versity = await startVersity();
  proxy = await startFaultyProxy(versity.place);
  store = await openStore(proxy.place, 5000);
  await versity.store.put("text", Buffer.from(TEXT));
}, 30_000);
afterAll(async () => {
  proxy[Symbol.dispose]();
  await versity[Symbol.asyncDispose]();
});

const read = async () => Buffer.from((await store.get("text")) ?? []).toString();

test("an answer that comes late is waited for, up to the limit", async () => {
  proxy.fail("slow", "GET");
  expect(await read()).toBe(TEXT);
  const impatient = await openStore(proxy.place, 100);
  proxy.fail("slow", "GET");
  await expect(impatient.get("text")).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("did not answer within 0.1 s"),
  });
});

test("a store that says it is asked too much is asked again, three times at most", async () => {
  for (const method of ["GET", "PUT"]) {
    proxy.fail("503", method, 2);
    await store.put("other", Buffer.from(TEXT));
    expect(await read()).toBe(TEXT);
  }
  proxy.fail("503", "GET", 4);
  const before = proxy.count;
  await expect(store.get("text")).rejects.toMatchObject({ code: "store_unavailable" });
  expect(proxy.count - before).toBe(4);
});

test("half an answer is none: it is asked for again, and never taken for the whole", async () => {
  proxy.fail("truncated", "GET");
  expect(await read()).toBe(TEXT);
  proxy.fail("truncated", "GET", 100);
  await expect(store.get("text")).rejects.toMatchObject({ code: "store_unavailable" });
  await expect(store.list("")).rejects.toMatchObject({ code: "store_unavailable" });
  proxy.fail("none", "GET", 0);
  expect(await read()).toBe(TEXT);
}, 20_000);

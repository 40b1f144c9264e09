import { expect, test } from "bun:test";
import type { GarbageItem } from "#shared/garbage";
import { startVersity } from "#test/versity";
import { keys } from "../store/keys.ts";
import { collectDaily, dueIn } from "./daily.ts";

const HOUR = 3_600_000;

test.each([
  ["never", undefined, 24 * HOUR],
  ["just now", 1000 * HOUR, 24 * HOUR],
  ["23 hours ago", 977 * HOUR, HOUR],
  ["a day ago", 976 * HOUR, 0],
  ["long ago", 0, 0],
  ["in the future, by a clock that was wrong", 5000 * HOUR, 24 * HOUR],
])("collected %s", (_, last, ms) => {
  expect(dueIn(last, 1000 * HOUR)).toBe(ms);
});

test("what is due is done, told of and remembered in the store; what fails is not taken for done", async () => {
  await using versity = await startVersity();
  const { store } = versity;
  const last = async () => JSON.parse(new TextDecoder().decode(await store.get(keys.lastCollected))).at;
  const long = Date.now() - 25 * HOUR;
  await store.put(keys.lastCollected, Buffer.from(JSON.stringify({ at: long })));
  const live = async (items: () => GarbageItem[]) => {
    const stop = new AbortController();
    const said: unknown[] = [];
    const log = (...words: unknown[]) => {
      said.push(words);
      stop.abort();
    };
    async function* run() {
      yield* items();
    }
    await collectDaily({ store, log }, { run }, stop.signal);
    return said;
  };

  const failed = await live(() => {
    throw new Error("out of reach");
  });
  expect(failed).toEqual([["the daily garbage could not be collected", { error: expect.any(Error) }]]);
  expect(await last()).toBe(long);

  const item: GarbageItem = { what: "tree", ref: "a", action: "collect", why: "", bytes: 7 };
  expect(await live(() => [item, { ...item, action: "keep" }, { ...item, action: "refused" }, { ...item, bytes: null }])).toEqual([
    ["the daily garbage was collected", { things: 2, bytes: 7, refused: 1 }],
  ]);
  expect(Date.now() - (await last())).toBeLessThan(HOUR);
});

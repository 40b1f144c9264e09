import { expect, test } from "bun:test";
import { Locks } from "./locks.ts";

/** Work whose beginning and end a test decides and sees. */
function job(said: string[], name: string) {
  const end = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const work = async () => {
    said.push(`${name} begins`);
    begun.resolve();
    await end.promise;
    said.push(`${name} ends`);
    return name;
  };
  return { work, begun: begun.promise, end: () => end.resolve() };
}

test("work is shared, and who wants to be alone waits for it and lets nobody pass", async () => {
  const locks = new Locks();
  const said: string[] = [];
  const [a, b, alone, late] = [job(said, "a"), job(said, "b"), job(said, "alone"), job(said, "late")];
  const running = [locks.share("x", a.work), locks.share("x", b.work)];
  await Promise.all([a.begun, b.begun]);
  running.push(locks.alone("x", 60_000, alone.work), locks.share("x", late.work));
  await locks.share("y", async () => "another name waits for nobody");
  a.end();
  b.end();
  await alone.begun;
  expect(said).toEqual(["a begins", "b begins", "a ends", "b ends", "alone begins"]);
  alone.end();
  late.end();
  expect(await Promise.all(running)).toEqual(["a", "b", "alone", "late"]);
  expect(said.slice(5)).toEqual(["alone ends", "late begins", "late ends"]);
});

test("several that want to be alone come one after the other, and a failure frees the name", async () => {
  const locks = new Locks();
  const said: string[] = [];
  const [first, second] = [job(said, "first"), job(said, "second")];
  const failing = locks.alone("x", 60_000, async () => {
    await first.work();
    throw new Error("broke");
  });
  const waiting = locks.alone("x", 60_000, second.work);
  first.end();
  second.end();
  await expect(failing).rejects.toThrow("broke");
  await waiting;
  expect(said).toEqual(["first begins", "first ends", "second begins", "second ends"]);
  expect(await locks.share("x", async () => "free")).toBe("free");
});

test("who cannot be alone in time gives up, and what waited behind goes on", async () => {
  const locks = new Locks();
  const endless = job([], "endless");
  const running = locks.share("x", endless.work);
  await endless.begun;
  const given = locks.alone("x", 1, async () => "never");
  const behind = locks.share("x", async () => "behind");
  await expect(given).rejects.toMatchObject({ code: "deadline" });
  expect(await behind).toBe("behind");
  endless.end();
  await running;
});

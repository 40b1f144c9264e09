import { expect, test } from "bun:test";
import { Joined } from "./joined.ts";

test("who comes while work runs waits for the next run, which is one for all of them", async () => {
  const joined = new Joined();
  const first = Promise.withResolvers<string>();
  let runs = 0;
  const next = async () => `run ${++runs}`;
  const running = joined.run("x", () => first.promise);
  await Promise.resolve();
  const later = [joined.run("x", next), joined.run("x", next), joined.run("x", next)];
  expect(await joined.run("y", next)).toBe("run 1");
  first.resolve("first");
  expect(await running).toBe("first");
  expect(await Promise.all(later)).toEqual(["run 2", "run 2", "run 2"]);
  expect(await joined.run("x", next)).toBe("run 3");
});

test("a failure is told to those who joined it, and ends there", async () => {
  const joined = new Joined();
  const fail = async () => {
    throw new Error("broke");
  };
  const both = await Promise.allSettled([joined.run("x", fail), joined.run("x", fail)]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await joined.run("x", async () => "well")).toBe("well");
});

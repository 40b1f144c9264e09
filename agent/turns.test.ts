import { expect, test } from "bun:test";
import { Turns } from "./turns.ts";

test("work of one name runs in order, also after a failure, and names do not wait for each other", async () => {
  const turns = new Turns();
  const said: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take("a", async () => {
    await gate.promise;
    said.push("a1");
    throw new Error("no");
  });
  const second = turns.take("a", async () => said.push("a2"));
  await turns.take("b", async () => said.push("b1"));
  expect(said).toEqual(["b1"]);
  gate.resolve();
  await expect(first).rejects.toThrow("no");
  await second;
  expect(said).toEqual(["b1", "a1", "a2"]);
});

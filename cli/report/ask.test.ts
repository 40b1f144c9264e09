import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { confirm, createAsk } from "./ask.ts";

function person(isTTY = true) {
  const stdin = new PassThrough();
  const stderr = new PassThrough();
  const controller = new AbortController();
  const ask = createAsk({ openStdin: () => stdin, stderr, isTTY, signal: controller.signal });
  return { ask, stdin, shown: () => String(stderr.read() ?? ""), controller };
}

test("the question goes to stderr, the answer comes from stdin", async () => {
  const { ask, stdin, shown } = person();
  stdin.write("  blue \n");
  expect(await ask("Which colour?")).toBe("blue");
  expect(shown()).toContain("Which colour? ");
});

test("without a person, at the input's end and at ^C it is a fault", async () => {
  await expect(person(false).ask("Sure?")).rejects.toMatchObject({ code: "input_needed" });
  const ended = person();
  ended.stdin.end();
  await expect(ended.ask("Sure?")).rejects.toMatchObject({ code: "input_needed" });
  const stopped = person();
  stopped.controller.abort();
  await expect(stopped.ask("Sure?")).rejects.toMatchObject({ code: "interrupted" });
});

test.each([
  ["y", true],
  ["YES", true],
  ["", false],
  ["n", false],
  ["yesterday", false],
])("confirm: %j means %p", async (answer, agreed) => {
  expect(await confirm({ isTTY: true, ask: async () => answer }, "Sure?", false)).toBe(agreed);
});

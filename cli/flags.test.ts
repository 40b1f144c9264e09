import { expect, test } from "bun:test";
import { parseDuration } from "./flags.ts";

test.each([
  ["90s", 90_000],
  ["10m", 600_000],
  ["1h30m", 5_400_000],
  ["1.5m", 90_000],
  ["250ms", 250],
])("parseDuration %s", (text, ms) => {
  expect(parseDuration("--timeout", text)).toBe(ms);
});

test.each(["", "10", "s", "10 s", "-5s", "5s!", "0s", "1000h"])("parseDuration refuses %j", (text) => {
  expect(() => parseDuration("--timeout", text)).toThrow(expect.objectContaining({ code: "usage" }));
});

import { describe, expect, test } from "bun:test";
import type { PushEvent, PushResult } from "#shared/push-event";
import { nearest } from "./nearest.ts";
import { createPushReport } from "./push-report.ts";
import { table } from "./table.ts";
import { formatAge, formatBytes, formatMs } from "./units.ts";

test("table: upper-case headers, numbers right, no borders, no space at the ends", () => {
  expect(
    table(
      ["name", "apps"],
      [
        ["a", 3],
        ["日本", 12],
        ["long-name", null],
      ],
    ),
  ).toEqual(["NAME       APPS", "a             3", "日本         12", "long-name     -"]);
});

test.each([
  [0, "0 ms", "0 B"],
  [999, "999 ms", "999 B"],
  [999.7, "1.0 s", "1.0 kB"],
  [4100, "4.1 s", "4.1 kB"],
  [59_960, "1 m 00 s", "60.0 kB"],
  [125_000, "2 m 05 s", "125 kB"],
  [3_221_225_472, "53687 m 05 s", "3.2 GB"],
])("units of %p", (value, ms, bytes) => {
  expect([formatMs(value), formatBytes(value)]).toEqual([ms, bytes]);
});

test.each([
  ["2026-01-01T00:00:00Z", "12 s"],
  ["2025-12-31T23:50:00Z", "10 m"],
  ["2025-12-31T00:00:00Z", "24 h"],
  ["2025-12-01T00:00:00Z", "31 d"],
  ["no time", "-"],
])("age of %s", (at, age) => {
  expect(formatAge(at, Date.parse("2026-01-01T00:00:12Z"))).toBe(age);
});

test.each([
  ["--nmae", "--name"],
  ["psuh", "push"],
  ["xyz", undefined],
])("nearest to %s", (word, meant) => {
  expect(nearest(word, ["push", "--name", "--namespace", "login"])).toBe(meant);
});

describe("on a terminal", () => {
  const result: PushResult = {
    outcome: "live",
    app: "shop",
    namespace: "apps",
    revision: 3,
    url: "http://shop.test",
    image: null,
    source: "",
    reused: { chunks: 0, bytes: 0, build: false },
    sent: { chunks: 0, bytes: 0 },
    phases: {},
  };
  const story: PushEvent[] = [
    { seq: 1, at: 0, type: "phase-started", phase: "stage" },
    { seq: 2, at: 0, type: "log", phase: "stage", line: "building" },
    { seq: 3, at: 4100, type: "done", result },
  ];
  const show = (env: Record<string, string>, isTTY: boolean) => {
    const parts: string[] = [];
    const line = (text: string) => void parts.push(`${text}\n`);
    const stderr = { isTTY, columns: 80, write: (part: string) => parts.push(part) };
    const report = createPushReport({ out: line, err: line, stderr: stderr as never, env }, "text");
    for (const event of story) report(event);
    return parts.join("");
  };
  const live = "live  http://shop.test  (revision 3, 4.1 s)\n";

  test("what goes on now is drawn over, logs are dim", () => {
    expect(show({}, true)).toBe(`  stage…\r\x1b[2K\x1b[2m    | building\x1b[22m\n${live}`);
  });

  test("NO_COLOR means no colour; a dumb terminal and a pipe get plain lines", () => {
    expect(show({ NO_COLOR: "1" }, true)).toBe(`  stage…\r\x1b[2K    | building\n${live}`);
    expect(show({ TERM: "dumb" }, true)).toBe(`    | building\n${live}`);
    expect(show({}, false)).toBe(`    | building\n${live}`);
  });
});

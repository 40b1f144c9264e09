import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const read = (path: string): string => readFileSync(join(import.meta.dir, "../..", path), "utf8");

test("docs/epinio.md has a row for each of the forty behaviours, and what it says is here is proven by test/e2e/epinio.test.ts", () => {
  const rows = [...read("docs/epinio.md").matchAll(/^\| (\d+) +\| [^|]+\| (same|differs|not here) +\|/gm)];
  expect(rows.map(([, no]) => Number(no))).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  const here = rows.filter(([, , verdict]) => verdict !== "not here").map(([, no]) => Number(no));
  const proven = [...read("test/e2e/epinio.test.ts").matchAll(/^behaviour\((\d+), /gm)].map(([, no]) => Number(no));
  expect(proven.sort((a, b) => a - b)).toEqual(here);
});

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CELLS } from "#test/matrix";

/* The matrix of docs/tls.md names tests that are there. */

const root = join(import.meta.dir, "../..");
const section = readFileSync(join(root, "docs/tls.md"), "utf8").split("\n## What proves it\n")[1] ?? "";
const [[places = [], ...matrix] = [], [, ...proofs] = []] = section
  .split(/\n(?!\|)/)
  .map((block) => block.split("\n").filter((line) => line.startsWith("|")))
  .filter((lines) => lines.length > 0)
  .map((lines) =>
    lines
      .filter((_, index) => index !== 1)
      .map((line) =>
        line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  );
/** A test for each of many cells, called like the cell. */
const FAMILY = "ISSUER: PLACE";

test("every cell names proofs, and a proof for many cells has all of them", () => {
  expect([matrix.length, places.length]).toEqual([7, 6]);
  const numbers = proofs.map(([number]) => number);
  const family = proofs.find(([, , name]) => name === FAMILY)?.[0];
  const named: string[] = [];
  for (const [issuer, ...cells] of matrix)
    for (const [index, cell] of cells.entries()) {
      const place = places[index + 1];
      expect({ issuer, place, unknown: cell.split(", ").filter((number) => !numbers.includes(number)) }).toEqual({ issuer, place, unknown: [] });
      if (cell.split(", ").includes(family ?? "")) named.push(`${issuer}: ${place}`);
    }
  expect(named.sort()).toEqual(CELLS.map((cell) => cell.join(": ")).sort());
});

test.each(proofs.map(([number = "", file = "", name = ""]) => [number, file.replaceAll("`", ""), name] as const))(
  "proof %s: %s has the test '%s'",
  (_, file, name) => {
    expect(readFileSync(join(root, file), "utf8")).toContain(name === FAMILY ? "test.each(CELLS)" : `"${name}"`);
  },
);

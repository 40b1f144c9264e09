import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/* The matrix of docs/tls.md names tests that are there. */

const root = join(import.meta.dir, "../..");
const section = readFileSync(join(root, "docs/tls.md"), "utf8").split("\n## What proves it\n")[1] ?? "";
const [matrix = [], proofs = []] = section
  .split(/\n(?!\|)/)
  .map((block) => block.split("\n").filter((line) => line.startsWith("|")))
  .filter((lines) => lines.length > 0)
  .map((lines) =>
    lines.slice(2).map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ),
  );

test("every cell names proofs, or says that there is none", () => {
  expect(matrix.length).toBeGreaterThan(5);
  const numbers = proofs.map(([number]) => number);
  for (const [issuer, ...cells] of matrix)
    for (const cell of cells) {
      const named = cell === "-" ? [] : cell.split(", ");
      expect([issuer, cell, named.filter((number) => !numbers.includes(number))]).toEqual([issuer, cell, []]);
    }
});

test.each(proofs.map(([number = "", file = "", name = ""]) => [number, file.replaceAll("`", ""), name] as const))(
  "proof %s: %s has the test '%s'",
  (_, file, name) => {
    expect(readFileSync(join(root, file), "utf8")).toContain(`"${name}"`);
  },
);

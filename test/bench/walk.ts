import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench.ts";
import { run } from "./commands.ts";
import { type Figure, summarize } from "./figures.ts";

const FILES = 10_000;
const FOLDER_FILES = 100;

interface WalkRun {
  /** The whole process, from start to end, and of that the reading alone. */
  walk: number;
  reading: number;
  find: number;
}

/** The second walk of a large tree, beside find's of the same. */
export async function walk(bench: Bench): Promise<Figure[]> {
  const tree = join(bench.scratch, "walk");
  const program = await compile(bench.scratch);
  makeTree(tree);
  // The stat cache trusts no file that was touched just before it was read.
  await Bun.sleep(100);
  const read = [program, tree, join(bench.scratch, "walk-cache")];
  const find = ["find", tree, "-type", "f", "-printf", "%s %T@ %i\n"];
  await run(read);
  await run(find);
  const runs = await bench.repeat(
    "walk",
    async (): Promise<WalkRun> => {
      const walked = await run(read);
      const found = await run(find);
      const told = JSON.parse(walked.stdout) as { files: number; hashed: number; ms: number };
      if (told.files !== FILES || told.hashed > 0) throw new Error(`the second walk read ${told.hashed} of ${told.files} files`);
      return { walk: walked.ms, reading: told.ms, find: found.ms };
    },
    ({ walk, reading, find }) => `davit ${walk.toFixed(1)} ms (${reading.toFixed(1)} of it reading), find ${find.toFixed(1)} ms`,
  );
  return figuresOf(runs);
}

function figuresOf(runs: readonly WalkRun[]): Figure[] {
  const finds = runs.map(({ find }) => find);
  return [
    {
      name: `walk of ${FILES} files, second time`,
      unit: "ms",
      values: runs.map(({ walk }) => walk),
      target: 1.5 * summarize(finds).median + 30,
      note: "a process of its own each time, compiled as davit is, that does nothing but read the source (ignore rules, stat cache, digests); from its start to its end; the target is 1.5 x find's + 30 ms",
    },
    { name: "  of which reading the source", unit: "ms", values: runs.map(({ reading }) => reading) },
    { name: "  find -type f -printf '%s %T@ %i\\n'", unit: "ms", values: finds },
  ];
}

async function compile(scratch: string): Promise<string> {
  const outfile = join(scratch, "read-source");
  const entry = fileURLToPath(import.meta.resolve("./walk-program.ts"));
  await Bun.build({ entrypoints: [entry], target: "bun", format: "esm", minify: true, bytecode: true, compile: { outfile } });
  return outfile;
}

function makeTree(root: string): void {
  for (let index = 0; index < FILES; index++) {
    const folder = join(root, `part-${Math.floor(index / FOLDER_FILES)}`);
    if (index % FOLDER_FILES === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `module-${index}.ts`), randomBytes(120).toString("hex"));
  }
}

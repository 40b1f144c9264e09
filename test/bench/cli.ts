import { join } from "node:path";
import { BINARY } from "#test/lab";
import { makeApp, pushLive } from "./app.ts";
import type { Bench } from "./bench.ts";
import { run } from "./commands.ts";
import type { Figure } from "./figures.ts";

/** The commands that people wait for most often. */
export async function cli(bench: Bench): Promise<Figure[]> {
  const space = await bench.tenant("cli");
  const app = makeApp(join(bench.scratch, "cli"), { files: 3 });
  await bench.attempt("push", () => pushLive(app.path, space.app("listed"), space.name));
  return [await command(bench, "davit version", ["version"], 30), await command(bench, "davit app list", ["app", "list", "-n", space.name], 150)];
}

async function command(bench: Bench, name: string, args: readonly string[], target: number): Promise<Figure> {
  await run([BINARY, ...args]);
  const values = await bench.repeat(
    name,
    async () => (await run([BINARY, ...args])).ms,
    (ms) => `${ms.toFixed(1)} ms`,
  );
  return { name, unit: "ms", values, target, note: "from the process's start to its end, with the cluster's kubeconfig and no login" };
}

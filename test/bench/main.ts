import { parseArgs } from "node:util";
import { Bench, type Section } from "./bench.ts";
import { cli } from "./cli.ts";
import { load, machineFacts, trustingEnvironment, useCluster } from "./environment.ts";
import { type Figure, summarize, table, verdictOf } from "./figures.ts";
import { list } from "./list.ts";
import { memory } from "./memory.ts";
import { push } from "./push.ts";
import { repush } from "./repush.ts";
import { rollback } from "./rollback.ts";
import { sync } from "./sync.ts";
import { tls } from "./tls.ts";
import { walk } from "./walk.ts";
import { zero } from "./zero.ts";

const SECTIONS: Record<string, Section> = { cli, list, walk, repush, push, rollback, zero, memory, sync, tls };

const usage = `usage: bun run bench [${Object.keys(SECTIONS).join("|")}]... [--runs N] [-o text|json] [--context NAME]
Measures dist/davit on the cluster of scripts/cluster (./scripts/try starts it), or on --context NAME of your kubeconfig.
Without a name: everything. It never fails because a figure is over its target, only when one could not be measured.`;

interface Options {
  sections: string[];
  runs: number;
  json: boolean;
  context: string | undefined;
}

function optionsOf(argv: string[]): Options {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { runs: { type: "string", default: "5" }, output: { type: "string", short: "o", default: "text" }, context: { type: "string" } },
  });
  const unknown = positionals.find((name) => SECTIONS[name] === undefined);
  if (unknown !== undefined) throw new Error(`there is no section ${unknown}`);
  if (!/^[1-9]\d?$/.test(values.runs)) throw new Error(`--runs is a number from 1 to 99, not ${values.runs}`);
  if (!["text", "json"].includes(values.output)) throw new Error(`-o is text or json, not ${values.output}`);
  const sections = positionals.length > 0 ? positionals : Object.keys(SECTIONS);
  return { sections, runs: Number(values.runs), json: values.output === "json", context: values.context };
}

async function measureAll(bench: Bench, sections: readonly string[]): Promise<{ figures: Figure[]; failures: string[] }> {
  const figures: Figure[] = [];
  const failures: string[] = [];
  for (const name of sections) {
    try {
      figures.push(...((await SECTIONS[name]?.(bench)) ?? []));
    } catch (error) {
      failures.push(`${name} could not be measured: ${error instanceof Error ? error.message : error}`);
      bench.say(failures.at(-1) ?? "");
    }
  }
  return { figures, failures };
}

function print(json: boolean, machine: Record<string, unknown>, measured: { figures: Figure[]; failures: string[] }): void {
  const { figures, failures } = measured;
  const lines = json ? [asJson(machine, measured)] : [...table(figures), ...failures, asLine(machine)];
  for (const line of lines) console.log(line);
}

function asJson(machine: Record<string, unknown>, { figures, failures }: { figures: Figure[]; failures: string[] }): string {
  const told = figures.map((figure) => ({ ...figure, name: figure.name.trim(), ...summarize(figure.values), verdict: verdictOf(figure) }));
  return JSON.stringify({ machine, figures: told, failures }, null, 2);
}

function asLine(machine: Record<string, unknown>): string {
  return Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

async function main(argv: string[]): Promise<number> {
  const { sections, runs, json, context } = optionsOf(argv);
  const bench = new Bench(runs, (line) => console.error(line));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void bench.end().finally(() => process.exit(130)));
  try {
    await useCluster(context, bench.scratch);
    const machine = await machineFacts();
    const measured = await measureAll(bench, sections);
    print(json, { ...machine, "load after": load(), runs }, measured);
    return measured.failures.length > 0 ? 1 : 0;
  } finally {
    await bench.end();
  }
}

try {
  const env = trustingEnvironment();
  process.exitCode = env
    ? await Bun.spawn(process.argv, { env, stdio: ["inherit", "inherit", "inherit"] }).exited
    : await main(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
  process.exitCode = 1;
}

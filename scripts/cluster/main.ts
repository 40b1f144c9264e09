import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Arguments, parseArguments, usage } from "./args.ts";
import { clear, down } from "./down.ts";
import { clusterEnv, contextEnv, contextStatus, type Host } from "./environment.ts";
import { knownNodes, readFacts } from "./facts.ts";
import { ClusterError } from "./fail.ts";
import { DEFAULT_CLUSTER, type Layout, layoutOf, lockOf } from "./layout.ts";
import { load } from "./load.ts";
import { locked } from "./lock.ts";
import { clusterOf } from "./register.ts";
import { systemPath } from "./servers.ts";
import { statusOf, statusTable } from "./status.ts";
import { up } from "./up.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Returns the exit code. */
async function main(argv: string[]): Promise<number> {
  const parsed = parseArguments(argv);
  if (parsed.command === "help") {
    print(usage);
    return 0;
  }
  return parsed.context === undefined ? onOwnCluster(parsed) : onContext(parsed.context, parsed, layoutOf(process.env));
}

async function onOwnCluster(parsed: Arguments): Promise<number> {
  const layout = clusterOf(process.env);
  switch (parsed.command) {
    case "up":
      return timed("up", layout, () => up(process.env, parsed.nodes, say));
    case "reset":
      return timed("reset", layout, () => resetTo(layout, parsed.nodes));
    case "down":
      needRoot("down");
      await locked(lockOf(layout.cluster), () => down(layout));
      return 0;
    case "load":
      for (const file of parsed.files) print((await load(layout, await knownNodes(layout), resolve(file))).join("\n"));
      return 0;
    case "env":
      return showEnv(layout);
    default:
      return showStatus(parsed, layout);
  }
}

async function resetTo(layout: Layout, nodes: number | undefined): Promise<void> {
  const before = await knownNodes(layout);
  await clear(layout);
  await up(process.env, nodes ?? before.length, say);
}

async function timed(name: string, layout: Layout, work: () => Promise<void>): Promise<number> {
  needRoot(name);
  const start = performance.now();
  await locked(lockOf(layout.cluster), work);
  say(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  say(`KUBECONFIG is ${layout.kubeconfig}; for kubectl and everything else:  eval "$(${command("env", layout)})"`);
  return 0;
}

async function showEnv(layout: Layout): Promise<number> {
  const facts = await readFacts(layout);
  if (!facts || !existsSync(layout.kubeconfig)) throw new ClusterError(`the cluster does not run: ${command("up", layout)}`);
  print(clusterEnv(layout, facts));
  return 0;
}

const command = (name: string, { cluster }: Layout): string =>
  `${cluster === DEFAULT_CLUSTER ? "" : `DAVIT_CLUSTER=${cluster} `}./scripts/cluster/${name}`;

async function showStatus(parsed: Arguments, layout: Layout): Promise<number> {
  const status = await statusOf(layout);
  print(parsed.output === "json" ? JSON.stringify(status, null, 2) : statusTable(status));
  return status.running ? 0 : 1;
}

/** Nothing is started or ended there: it is somebody's cluster. */
async function onContext(context: string, parsed: Arguments, layout: Layout): Promise<number> {
  const kubectl = Bun.which("kubectl") ?? `${layout.bin}/kubectl`;
  if (!existsSync(kubectl)) throw new ClusterError("missing: kubectl: https://kubernetes.io/docs/tasks/tools, then put it on PATH");
  const host: Host = { env: process.env, kubectl };
  if (parsed.command === "env") print(await contextEnv(layout, host, context));
  else if (parsed.command === "down") say(`${context} is a cluster of yours: nothing was started there, nothing is removed`);
  else print((await contextStatus(host, context)).trimEnd());
  return 0;
}

function needRoot(command: string): void {
  if (process.getuid?.() !== 0)
    throw new ClusterError(`missing: root (network namespaces and containers need it): sudo ./scripts/cluster/${command}, or use --context NAME`);
}

// A login shell's PATH may lack the folders of the programs that only root uses.
process.env.PATH = `${process.env.PATH ?? ""}:${systemPath}`;
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof ClusterError ? error.message : `this is a bug in scripts/cluster: ${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 1;
}

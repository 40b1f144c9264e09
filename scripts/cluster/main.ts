import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Arguments, parseArguments, usage } from "./args.ts";
import { down } from "./down.ts";
import { clusterEnv, contextEnv, contextStatus, type Host } from "./environment.ts";
import { ClusterError } from "./fail.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { load } from "./load.ts";
import { locked } from "./lock.ts";
import { systemPath } from "./servers.ts";
import { statusOf, statusTable } from "./status.ts";
import { up } from "./up.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Returns the exit code. */
async function main(argv: string[]): Promise<number> {
  const parsed = parseArguments(argv);
  const layout = layoutOf(process.env);
  if (parsed.command === "help") {
    print(usage);
    return 0;
  }
  return parsed.context === undefined ? onOwnCluster(parsed, layout) : onContext(parsed.context, parsed, layout);
}

async function onOwnCluster(parsed: Arguments, layout: Layout): Promise<number> {
  switch (parsed.command) {
    case "up":
      return timed("up", layout, () => up(layout, say));
    case "reset":
      return timed("reset", layout, () => down(layout).then(() => up(layout, say)));
    case "down":
      needRoot("down");
      await locked(layout.lock, () => down(layout));
      return 0;
    case "load":
      for (const file of parsed.files) print((await load(layout, resolve(file))).join("\n"));
      return 0;
    case "env":
      if (!existsSync(layout.kubeconfig)) throw new ClusterError("the cluster does not run: ./scripts/cluster/up");
      print(clusterEnv(layout));
      return 0;
    default:
      return showStatus(parsed, layout);
  }
}

async function timed(name: string, layout: Layout, work: () => Promise<void>): Promise<number> {
  needRoot(name);
  const started = performance.now();
  await locked(layout.lock, work);
  say(`${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  say(`KUBECONFIG is ${layout.kubeconfig}; for kubectl and everything else:  eval "$(./scripts/cluster/env)"`);
  return 0;
}

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

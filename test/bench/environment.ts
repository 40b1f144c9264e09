import { existsSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { BINARY } from "#test/lab";
import { contextEnv } from "../../scripts/cluster/environment.ts";
import type { Layout } from "../../scripts/cluster/layout.ts";
import { clusterOf } from "../../scripts/cluster/register.ts";
import { run } from "./commands.ts";

/**
 * Makes this process, and all it starts, mean the cluster of scripts/cluster, or a context of the user's kubeconfig; the user's
 * own login and caches are left out of it. @throws Error saying what is missing
 */
export async function useCluster(context: string | undefined, scratch: string): Promise<void> {
  const layout = clusterOf(process.env);
  process.env.PATH = `${layout.bin}${delimiter}${process.env.PATH}`;
  if (!existsSync(BINARY)) throw new Error("there is no dist/davit: `bun run build` makes it");
  process.env.KUBECONFIG = context === undefined ? layout.kubeconfig : await kubeconfigOf(layout, context);
  if (context === undefined && !existsSync(layout.kubeconfig))
    throw new Error("the cluster of scripts/cluster does not run: ./scripts/try starts it and installs davit, or give --context NAME");
  process.env.XDG_CONFIG_HOME = join(scratch, "config");
  process.env.XDG_CACHE_HOME = join(scratch, "cache");
  delete process.env.DAVIT_NAMESPACE;
  await run([BINARY, "namespace", "list"]);
}

async function kubeconfigOf(layout: Layout, context: string): Promise<string> {
  const exported = await contextEnv(layout, { env: process.env, kubectl: "kubectl" }, context);
  return /KUBECONFIG='([^']*)'/.exec(exported)?.[1] ?? "";
}

/**
 * The environment in which the URLs of the cluster of scripts/cluster are trusted, which Bun reads at its start only; undefined
 * when this process has it, or nobody knows the CA: with a context, NODE_EXTRA_CA_CERTS is the caller's.
 */
export function trustingEnvironment(): Record<string, string | undefined> | undefined {
  const ca = process.env.NODE_EXTRA_CA_CERTS ?? clusterOf(process.env).davitCa;
  if (process.env.CURL_CA_BUNDLE === ca || !existsSync(ca)) return undefined;
  return { ...process.env, NODE_EXTRA_CA_CERTS: ca, CURL_CA_BUNDLE: ca };
}

/** What the figures were measured on. */
export async function machineFacts(): Promise<Record<string, string | number>> {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memory: `${(totalmem() / 1e9).toFixed(1)} GB`,
    kernel: release(),
    "load before": load(),
    bun: Bun.version,
    davit: (await run([BINARY, "version"])).stdout.trim(),
    kubernetes: JSON.parse((await run(["kubectl", "version", "-o", "json"])).stdout).serverVersion.gitVersion,
  };
}

/** The load of the last minute, five and fifteen: what else went on shows here. */
export function load(): string {
  return loadavg()
    .map((value) => value.toFixed(2))
    .join(" ");
}

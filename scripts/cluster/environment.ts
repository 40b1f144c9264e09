import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./exec.ts";
import type { Facts } from "./facts.ts";
import { ClusterError } from "./fail.ts";
import { DEFAULT_CLUSTER, domain, type Layout } from "./layout.ts";

const quote = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;

/** For `eval`: the shell, and what is started in it, then mean this cluster. */
export function clusterEnv(layout: Layout, { ingress }: Pick<Facts, "ingress">): string {
  return [
    `export KUBECONFIG=${quote(layout.kubeconfig)}`,
    `export PATH=${quote(layout.bin)}:"$PATH"`,
    `export DAVIT_DOMAIN=${quote(ingress.https === 443 ? domain : `${domain}:${ingress.https}`)}`,
    `export DAVIT_HTTP_PORT=${ingress.http}`,
    ...(existsSync(layout.davitCa) ? [`export NODE_EXTRA_CA_CERTS=${quote(layout.davitCa)}`] : []),
    ...(layout.cluster === DEFAULT_CLUSTER ? [] : [`export DAVIT_CLUSTER=${quote(layout.cluster)}`]),
  ].join("\n");
}

export type Host = { env: Record<string, string | undefined>; kubectl: string };

/**
 * A context of the user's own kubeconfig, without changing that or copying its secrets: a file that says nothing but which
 * context is current is merged with it. It stands first and last, since kubectl takes the first word and other clients the last.
 */
export async function contextEnv(layout: Layout, host: Host, context: string): Promise<string> {
  const own = userKubeconfig(host.env);
  const known = (await kubectl(host, own, "config", "get-contexts", "-o", "name")).trim().split("\n");
  if (!known.includes(context)) throw new ClusterError(`no context ${context} in ${own}; there are: ${known.filter(Boolean).join(", ") || "none"}`);
  const choice = join(layout.cache, "contexts", `${encodeURIComponent(context)}.json`);
  await Bun.write(choice, JSON.stringify({ apiVersion: "v1", kind: "Config", clusters: [], users: [], contexts: [], "current-context": context }));
  return `export KUBECONFIG=${quote([choice, own, choice].join(delimiter))}`;
}

/** What `status --context` shows: whether that cluster answers, and its nodes. */
export async function contextStatus(host: Host, context: string): Promise<string> {
  return kubectl(host, userKubeconfig(host.env), "--context", context, "--request-timeout=10s", "get", "nodes");
}

function userKubeconfig(env: Record<string, string | undefined>): string {
  return env.KUBECONFIG || join(env.HOME ?? "", ".kube", "config");
}

const kubectl = (host: Host, kubeconfig: string, ...args: string[]): Promise<string> =>
  run([host.kubectl, ...args], { env: { ...host.env, KUBECONFIG: kubeconfig } });

import type { Config } from "./config.ts";

/** Where the agent is for Pods. */
export const AGENT_HOST = "davit-agent.davit.svc.cluster.local";

/** davit's own services in the cluster, and Kubernetes': nobody is sent there by a URL that a user gave. */
export function ownHosts({ registry, s3 }: Pick<Config, "registry" | "s3">): string[] {
  const inside = [new URL(`https://${registry}`).hostname, s3.endpoint.hostname].filter((host) => host.endsWith(".svc.cluster.local"));
  return [AGENT_HOST, ...inside, "kubernetes.default.svc.cluster.local"];
}

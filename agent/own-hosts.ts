/** Where the agent is for Pods. */
export const AGENT_HOST = "davit-agent.davit.svc.cluster.local";
/** Where the built-in S3 store is. */
export const S3_HOST = "s3.davit.svc.cluster.local";

/** davit's own services in the cluster, and Kubernetes': nobody is sent there by a URL that a user gave. */
export function ownHosts(registryHost: string, s3Endpoint: URL): string[] {
  const inside = [new URL(`https://${registryHost}`).hostname, s3Endpoint.hostname].filter((host) => host.endsWith(".svc.cluster.local"));
  return [AGENT_HOST, ...inside, "kubernetes.default.svc.cluster.local"];
}

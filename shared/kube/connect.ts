import { readFile } from "node:fs/promises";
import { Fault } from "../fault.ts";
import type { KubeEndpoint } from "./client.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The API server as a Pod reaches it, with its ServiceAccount; the token file is read for each request because kubelet renews it. */
export async function inCluster(): Promise<KubeEndpoint> {
  const ca = await readFile(`${SERVICE_ACCOUNT}/ca.crt`, "utf8");
  return {
    server: `https://${process.env["KUBERNETES_SERVICE_HOST"]}:${process.env["KUBERNETES_SERVICE_PORT"]}`,
    tls: { ca },
    headers: async () => ({ authorization: `Bearer ${await readFile(`${SERVICE_ACCOUNT}/token`, "utf8")}` }),
  };
}

/**
 * The API server of a kubeconfig's context: CA, client certificate, token, basic auth and exec plugins are
 * read by @kubernetes/client-node, which is loaded only here.
 * @throws Fault usage when there is no such context, cluster_unreachable when there is no usable file
 */
export async function fromKubeconfig(options: {
  path?: string | undefined;
  context?: string | undefined;
}): Promise<KubeEndpoint & { context: string; user?: string; namespace?: string }> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    if (options.path) config.loadFromFile(options.path);
    else config.loadFromDefault();
  } catch (cause) {
    throw new Fault("cluster_unreachable", `the kubeconfig could not be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const contexts = config.getContexts().map(({ name }) => name);
  const known = `it has ${contexts.join(", ") || "none"}`;
  if (options.context !== undefined) {
    if (!contexts.includes(options.context)) throw new Fault("usage", `--context: the kubeconfig has no context '${options.context}'; ${known}`);
    config.setCurrentContext(options.context);
  }
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Fault("cluster_unreachable", `the kubeconfig has no current context; choose one with --context: ${known}`);
  const first = await credentials(config).catch((cause) => {
    // An exec plugin that fails, a certificate file that is gone, a server without TLS.
    throw new Fault(
      "cluster_unreachable",
      `the kubeconfig's access to ${cluster.server} cannot be used: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  });
  const context = config.getContextObject(config.getCurrentContext());
  return {
    server: cluster.server,
    tls: first.tls,
    headers: async () => (await credentials(config)).headers,
    context: config.getCurrentContext(),
    ...(context?.user ? { user: context.user } : {}),
    ...(context?.namespace ? { namespace: context.namespace } : {}),
  };
}

async function credentials(config: { applyToHTTPSOptions(options: object): Promise<void> }) {
  const options: {
    ca?: Buffer;
    cert?: Buffer;
    key?: Buffer;
    rejectUnauthorized?: boolean;
    servername?: string;
    headers?: Record<string, string>;
    auth?: string;
  } = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = { ...options.headers };
  if (options.auth) headers["authorization"] = `Basic ${btoa(options.auth)}`;
  return {
    headers,
    tls: {
      ...(options.ca ? { ca: options.ca.toString() } : {}),
      ...(options.cert ? { cert: options.cert.toString() } : {}),
      ...(options.key ? { key: options.key.toString() } : {}),
      ...(options.rejectUnauthorized === false ? { rejectUnauthorized: false } : {}),
      ...(options.servername ? { serverName: options.servername } : {}),
    },
  };
}

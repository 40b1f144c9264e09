import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Fault } from "#shared/fault";
import { Kube } from "#shared/kube/client";
import { fromKubeconfig } from "#shared/kube/connect";
import { hasStatus } from "#shared/kube/fault";
import { Secret } from "#shared/secret";
import { cacheDir, home } from "../paths.ts";
import { cacheFile, writeCache } from "../source/cache-file.ts";
import { unreachable } from "./fetch-fault.ts";
import type { OpenSocket } from "./open-session.ts";
import type { Tokens } from "./tokens.ts";
import type { Send } from "./transport.ts";

const NAMESPACE = "davit";
const PROXY = `/api/v1/namespaces/${NAMESPACE}/services/http:davit-agent:8080/proxy`;
const TOKEN_REQUEST = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/davit-admin/token`;
/** A token with less than this to live is not used any more: it has to last for a request, and clocks differ. */
const SPARE_MS = 5 * 60_000;

type Env = Record<string, string | undefined>;

/** A cluster by its kubeconfig; `identity` tells apart clusters and the people who use them. */
export interface KubeConnection {
  kube: Kube;
  server: string;
  identity: string;
}

/** Whether this user has a kubeconfig at all. */
export function hasKubeconfig(env: Env): boolean {
  return (env.KUBECONFIG?.split(delimiter).filter(Boolean) ?? [join(home(env), ".kube", "config")]).some((file) => existsSync(file));
}

/** @throws Fault usage for a file or a context that is not there, cluster_unreachable when the kubeconfig cannot be used */
export async function connectKube(env: Env, way: { kubeconfig?: string | undefined; context?: string | undefined }): Promise<KubeConnection> {
  if (way.kubeconfig !== undefined) checkFile(way.kubeconfig);
  else if (!hasKubeconfig(env)) throw new Fault("cluster_unreachable", "there is no kubeconfig: neither $KUBECONFIG nor ~/.kube/config");
  const endpoint = await fromKubeconfig({ path: way.kubeconfig, context: way.context });
  return {
    kube: new Kube(endpoint),
    server: endpoint.server,
    identity: JSON.stringify([endpoint.server, endpoint.user ?? endpoint.context, endpoint.tls.ca ?? "", endpoint.tls.cert ?? ""]),
  };
}

function checkFile(path: string): void {
  try {
    readFileSync(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "?";
    throw new Fault("usage", `--kubeconfig has to be a kubeconfig file; ${path} cannot be read (${why})`, { cause });
  }
}

/** The way through the API server's service proxy. The API server eats Authorization, so the agent's token has a header of its own. */
export function sendByKube({ kube, server }: KubeConnection): Send {
  return async (path, request, token) => {
    const response = await kube.fetch(PROXY + path, {
      method: request.method,
      headers: { ...request.headers, "x-davit-token": token.reveal() },
      ...(request.body ? { body: request.body } : {}),
      signal: request.signal,
    });
    if (response.ok) return response;
    const text = await response.text();
    const fault = proxyFault(server, response.status, text);
    if (fault) throw fault;
    return new Response(text, response);
  };
}

/** A WebSocket the same way. */
export function socketByKube({ kube }: KubeConnection, tokens: Tokens): OpenSocket {
  return async (path, headers) => {
    return await kube.webSocket(PROXY + path, new URLSearchParams(), [], { ...headers, "x-davit-token": (await tokens.get()).reveal() });
  };
}

/* The API server's own refusals are of kind Status; everything else comes from the agent. */
function proxyFault(server: string, status: number, text: string): Fault | undefined {
  const answer = parse(text);
  const fromAgent = answer.kind !== "Status" && ![502, 503, 504].includes(status);
  if (fromAgent || answer.fault) return undefined;
  const why = answer.message ?? text.trim().slice(0, 200);
  const details = { server, status: String(status) };
  if (status === 401)
    return new Fault("token_rejected", `the cluster ${server} does not accept the kubeconfig's credential`, {
      details: { ...details, by: "cluster" },
    });
  if (status === 403) return new Fault("forbidden", `the cluster ${server} does not let you reach the davit agent: ${why}`, { details });
  if (status === 404) return notInstalled(server);
  return unreachable(server, `cannot be reached through the cluster's API server: ${why}`, { retry: "away" });
}

function parse(text: string): { kind?: string; message?: string; fault?: unknown } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function notInstalled(server: string): Fault {
  return new Fault("not_installed", `davit is not installed in the cluster ${server}`, { details: { server } });
}

interface CachedToken {
  token: string;
  expires: number;
}

/** Tokens of the ServiceAccount davit-admin, which the API server gives to those whom RBAC allows. Kept in the cache folder for their hour. */
export function kubeTokens(connection: KubeConnection, env: Env, now: () => number = Date.now): Tokens {
  const file = cacheFile(cacheDir(env), "tokens", connection.identity);
  let asked: Promise<CachedToken> | undefined;
  const ask = async () => {
    const fresh = await requestToken(connection);
    writeCache(file, Buffer.from(JSON.stringify(fresh)));
    return fresh;
  };
  const get = async () => {
    asked ??= Promise.resolve(readToken(file) ?? ask());
    if ((await asked).expires - now() < SPARE_MS) asked = ask();
    return new Secret((await asked).token);
  };
  const renew = () => {
    asked = ask();
    return get();
  };
  return { get, renew };
}

function readToken(file: string): CachedToken | undefined {
  try {
    const cached = JSON.parse(readFileSync(file, "utf8"));
    return typeof cached.token === "string" && typeof cached.expires === "number" ? cached : undefined;
  } catch {
    return undefined;
  }
}

async function requestToken({ kube, server }: KubeConnection): Promise<CachedToken> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } };
  try {
    const { status } = await kube.json<{ status: { token: string; expirationTimestamp: string } }>(TOKEN_REQUEST, { method: "POST", body });
    return { token: status.token, expires: Date.parse(status.expirationTimestamp) };
  } catch (error) {
    throw hasStatus(error, 404) ? notInstalled(server) : error;
  }
}

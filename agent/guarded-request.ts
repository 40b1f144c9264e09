import { type IncomingMessage, Agent as PlainAgent, type RequestOptions, request as requestPlain } from "node:http";
import { request as requestTls, Agent as TlsAgent } from "node:https";
import { isIP } from "node:net";
import { agentProxy, type Proxies, proxyFor } from "#shared/proxy";
import { VERSION } from "#shared/version";
import { checkHost, type Resolve } from "./fetch/guard.ts";

export interface GuardedRequest {
  method: "GET" | "HEAD" | "POST";
  headers: Record<string, string>;
  body?: Uint8Array | undefined;
  /** Trusted instead of the well-known authorities. */
  ca?: string[] | undefined;
  /** What may be connected to. */
  resolve: Resolve;
  proxies: Proxies;
  signal: AbortSignal;
}

/** Another address of the same host may be reachable. */
const ELSEWHERE = new Set(["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "ETIMEDOUT", "ConnectionRefused"]);

/**
 * A request whose URL comes from a user: it goes to an address that was checked, on a connection of its own, and what is
 * answered is not followed. A proxy resolves names itself, so of what goes by one the host as it is written is checked.
 * node:http is used because Bun's fetch resolves names by itself.
 */
export async function guardedRequest(url: URL, request: GuardedRequest): Promise<IncomingMessage> {
  const { method, headers, body, ca, resolve, proxies, signal } = request;
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const options: RequestOptions & { servername?: string; ca?: string[] } = {
    method,
    port: url.port || (url.protocol === "https:" ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    // One that is kept could have been made to another address.
    agent: false,
    ...(ca ? { ca } : {}),
    ...(isIP(name) ? {} : { servername: name }),
    headers: { host: url.host, "user-agent": `davit/${VERSION}`, ...headers },
  };
  const proxy = proxyFor(url, proxies);
  if (proxy) {
    if (isIP(name)) await resolve(url.hostname);
    else checkHost(url.hostname);
    const agent = new (url.protocol === "https:" ? TlsAgent : PlainAgent)(agentProxy(proxy));
    return await connect(url, { ...options, host: name, agent }, body, signal);
  }
  const addresses = await resolve(url.hostname);
  for (const [index, host] of addresses.entries()) {
    try {
      return await connect(url, { ...options, host }, body, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (index + 1 === addresses.length || !ELSEWHERE.has((error as { code?: string }).code ?? "")) throw error;
    }
  }
  throw new Error(`${url.hostname} has no address`);
}

function connect(url: URL, options: RequestOptions, body: Uint8Array | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = (url.protocol === "https:" ? requestTls : requestPlain)(options, resolve);
  const stop = () => sent.destroy(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  sent.on("error", reject);
  sent.on("close", () => signal.removeEventListener("abort", stop));
  sent.end(body);
  return promise;
}

/** An answer's body. @throws Error when it has more than `most` bytes */
export async function bodyOf(message: IncomingMessage, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes <= most) continue;
    message.destroy();
    throw new Error(`it answers with more than ${most} bytes`);
  }
  return Buffer.concat(parts);
}

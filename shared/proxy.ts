import { BlockList, isIP } from "node:net";
import { z } from "zod";
import { Secret } from "./secret.ts";

const hidden = z.string().transform((text) => new Secret(text));

/** Proxies on the way out of the cluster, by the scheme of what is called; an empty one: directly. As text, in JSON, they may hold passwords. */
export const Proxies = z.object({
  http: hidden,
  https: hidden,
  /** What is reached directly: hosts, domains, addresses and ranges, separated by commas. */
  none: z.string(),
});
export type Proxies = z.infer<typeof Proxies>;
export type ProxyTexts = z.input<typeof Proxies>;

/** None. */
export const DIRECT: Proxies = Proxies.parse({ http: "", https: "", none: "" });

/** Reached directly whatever an admin says: this machine, and names that only a cluster knows. */
const INSIDE = "localhost,127.0.0.1,::1,.svc,.cluster.local";

/** As the Secret `davit-proxy` has them; `ranges` are those of Pods and Services, as far as they are known. */
export interface KeptProxies {
  http?: string | undefined;
  https?: string | undefined;
  none?: string | undefined;
  ranges?: string | undefined;
}

/** By which what is outside is called; what is inside never is. */
export function proxiesFrom({ http = "", https = "", none, ranges }: KeptProxies, apiServer = ""): Proxies {
  return Proxies.parse({ http, https, none: [none, ranges, apiServer, INSIDE].filter(Boolean).join(",") });
}

export function proxyTexts({ http, https, none }: Proxies): ProxyTexts {
  return { http: http.reveal(), https: https.reveal(), none };
}

/** The proxy by which the URL is reached; undefined: directly. */
export function proxyFor(url: URL, proxies: Proxies): Secret | undefined {
  const proxy = url.protocol === "https:" ? proxies.https : proxies.http;
  return proxy.reveal() === "" || isExcepted(url, proxies.none) ? undefined : proxy;
}

/** How an agent of node:http or node:https is told of the proxy. */
export function agentProxy(proxy: Secret | undefined): { proxyEnv?: Record<string, string> } {
  return proxy ? { proxyEnv: { HTTP_PROXY: proxy.reveal(), HTTPS_PROXY: proxy.reveal() } } : {};
}

/** How `fetch` is told of the proxy, and of the CA that vouches for the server where it is not a public one. */
export function fetchWay({ ca, proxy }: { ca: string; proxy?: Secret | undefined }): { tls?: { ca: string }; proxy?: string } {
  return { ...(ca ? { tls: { ca } } : {}), ...(proxy ? { proxy: proxy.reveal() } : {}) };
}

/** The variables by which other programs are told of them; nothing where there are none. */
export function proxyVariables(proxies: Proxies): Record<string, string> {
  const { http, https, none } = proxyTexts(proxies);
  if (http === "" && https === "") return {};
  const said = Object.entries({ HTTP_PROXY: http, HTTPS_PROXY: https, NO_PROXY: none }).filter(([, value]) => value !== "");
  return Object.fromEntries(said.flatMap(([name, value]) => [name, name.toLowerCase()].map((spelled) => [spelled, value])));
}

function isExcepted(url: URL, none: string): boolean {
  const host = url.hostname.replace(/^\[|\]$|\.$/g, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return none.split(/[\s,]+/).some((entry) => entry !== "" && (entry === "*" || fits(host, port, entry.toLowerCase())));
}

function fits(host: string, port: string, entry: string): boolean {
  const [, name = "", onPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  if (onPort !== undefined && onPort !== port) return false;
  if (isIP(host) !== 0) return inRange(host, name);
  const domain = name.replace(/^\*?\./, "");
  return host === domain || host.endsWith(`.${domain}`);
}

function inRange(address: string, range: string): boolean {
  const [network = "", prefix] = range.split("/");
  if (isIP(network) !== isIP(address)) return false;
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(network, Number(prefix ?? (family === "ipv6" ? 128 : 32)), family);
  return list.check(address, family);
}

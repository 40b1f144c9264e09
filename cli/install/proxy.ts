import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { proxiesFrom, proxyFor } from "#shared/proxy";
import { type Data, readSecret } from "./made.ts";
import { usage } from "./said-files.ts";

/** The Secret that keeps them, since their URLs may hold passwords. */
export const PROXY_SECRET = "davit-proxy";

/** The flags as they were typed; undefined: not said, empty: none. */
export interface TypedProxies {
  http?: string | undefined;
  https?: string | undefined;
  none?: string | undefined;
}

const ENTRY = /^(\*|[\w.*:/[\]-]+)$/;

/** What was said of proxies, as the Secret's data. @throws Fault usage, without a URL that may hold a password */
export function readProxies({ http, https, none }: TypedProxies): Data {
  const entries = none?.split(",").map((entry) => entry.trim());
  if (entries?.some((entry) => entry.includes("//") || (entry !== "" && !ENTRY.test(entry))))
    throw usage("--no-proxy", "--no-proxy takes hosts, domains, addresses and ranges, separated by commas, such as .example.com,10.0.0.0/8");
  const data = { http: proxyUrl("--http-proxy", http), https: proxyUrl("--https-proxy", https), none: entries?.filter(Boolean).join(",") };
  return Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function proxyUrl(flag: string, text: string | undefined): string | undefined {
  if (!text) return text;
  const url = URL.parse(text);
  const bare = url && url.hostname !== "" && url.pathname === "/" && url.search === "" && url.hash === "";
  if (bare && (url.protocol === "http:" || url.protocol === "https:")) return url.href.replace(/\/$/, "");
  throw usage(flag, `${flag} is the URL of a proxy, such as http://proxy.example.com:3128`);
}

/** The Secret's data once what is said now has been added to what was said before; undefined: nothing ever was. */
export async function proxyData(kube: Kube, said: Data = {}, podCidrs: readonly string[] = []): Promise<Data | undefined> {
  const before = await readSecret(kube, PROXY_SECRET);
  if (!before && Object.keys(said).length === 0) return undefined;
  return { ...before, ...said, ranges: [...podCidrs, ...(await serviceCidrs(kube))].join(",") };
}

/** Kubernetes before 1.33 does not tell them, nor does it to everybody: Services are called by name then. */
async function serviceCidrs(kube: Kube): Promise<string[]> {
  const found = await kube.list<ServiceRanges>({ apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR" }).catch(() => []);
  return found.flatMap(({ spec }) => spec?.cidrs ?? []);
}

interface ServiceRanges extends KubeObject {
  spec?: { cidrs?: string[] };
}

/** The proxy on the way to a place, as its order has it. */
export async function proxyTo(kube: Kube, url: string, said: Data = {}): Promise<{ proxy?: string }> {
  const proxy = proxyFor(new URL(url), proxiesFrom({ ...(await readSecret(kube, PROXY_SECRET)), ...said }));
  return proxy ? { proxy: proxy.reveal() } : {};
}

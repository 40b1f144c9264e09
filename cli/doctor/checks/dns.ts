import { lookup } from "node:dns/promises";
import { GATEWAY, type Gateway } from "#shared/gateway";
import type { Kube } from "#shared/kube/client";
import type { V1Ingress } from "#shared/kube/objects";
import { agentHost, hostOf, type InstallOptions } from "../../install/options.ts";
import type { World } from "../check.ts";
import { type Finding, ok, problem } from "../finding.ts";

/** Whether the names of the agent and of apps lead to the ingress. */
export async function lookAtDns({ kube, options, signal }: World): Promise<Finding[]> {
  const host = hostOf(options.domain);
  if (host === "localhost" || host.endsWith(".localhost")) return [ok(`${host} is this machine, whatever DNS says`)];
  const wanted = (await Promise.all((await doorsOf(kube, options, signal)).map(addressesOf))).flat();
  // A name that nobody has asked for before: no cache and no single record answers it.
  const names = [agentHost(options.domain), `davit-doctor-${crypto.randomUUID().slice(0, 8)}.${host}`];
  return await Promise.all(names.map(async (name) => dnsVerdict(name, await addressesOf(name), wanted, host)));
}

/** The addresses and names of the ingress or Gateway, as far as it tells them. */
async function doorsOf(kube: Kube, { gateway }: InstallOptions, signal: AbortSignal): Promise<string[]> {
  if (gateway) return ((await kube.get<Gateway>({ ...GATEWAY, ...gateway }, signal))?.status?.addresses ?? []).map(({ value }) => value);
  const ingress = await kube.get<V1Ingress>({ apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: "davit", name: "davit-agent" }, signal);
  return (ingress?.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
}

/** `wanted` are the ingress's addresses; where the cluster does not tell any, every address will do. */
export function dnsVerdict(name: string, addresses: readonly string[], wanted: readonly string[], domain: string): Finding {
  const [agent, target] = [name.startsWith("davit."), wanted[0] ?? "the ingress's address"];
  const shown = agent ? name : `a new name below ${domain}`;
  const record = (host: string) => `make a DNS record: ${host} ${wanted[0]?.includes(":") ? "AAAA" : "A"} ${target}`;
  const fix = record(agent ? name : `*.${domain}`);
  if (addresses.length === 0) return problem(`${shown} has no address`, fix);
  if (wanted.length > 0 && !addresses.some((address) => wanted.includes(address)))
    return problem(`${shown} leads to ${addresses.join(", ")}, not to the ingress at ${wanted.join(", ")}`, fix);
  return ok(`${shown} leads to ${addresses.join(", ")}`);
}

async function addressesOf(name: string): Promise<string[]> {
  return await lookup(name, { all: true }).then(
    (found) => [...new Set(found.map(({ address }) => address))],
    () => [],
  );
}

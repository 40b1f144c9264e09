import { join } from "node:path";
import { ClusterError } from "./fail.ts";
import { type Layout, net } from "./layout.ts";
import type { Server } from "./processes.ts";
import { systemPath } from "./servers.ts";

export type IngressPorts = { http: number; https: number };

/** The usual ports when loopback has them free, else the first free ones from 8080 and 8443. */
export function freePorts(isFree: (port: number) => boolean = portIsFree): IngressPorts {
  return { http: firstFree(80, 8080, isFree), https: firstFree(443, 8443, isFree) };
}

function firstFree(usual: number, from: number, isFree: (port: number) => boolean): number {
  if (isFree(usual)) return usual;
  for (let port = from; port < from + 100; port++) if (isFree(port)) return port;
  throw new ClusterError(`no loopback port for the ingress: ${usual} and ${from}-${from + 99} are all taken`);
}

function portIsFree(port: number): boolean {
  try {
    for (const hostname of loopbacks()) Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

const hasIpv6 = (): boolean => {
  try {
    Bun.listen({ hostname: "::1", port: 0, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
};

const loopbacks = (): string[] => (hasIpv6() ? ["127.0.0.1", "::1"] : ["127.0.0.1"]);

/** Listens on this machine's loopback, where `*.localhost` points, and passes connections on to the ingress. */
export function forwarder(layout: Layout, ports: IngressPorts): Server {
  const pairs = loopbacks().flatMap((address) => {
    const listen = address.includes(":") ? `[${address}]` : address;
    return [`${listen}:${ports.http}=${net.node}:80`, `${listen}:${ports.https}=${net.node}:443`];
  });
  return { name: "davit-forward", argv: [join(layout.bin, "davit-forward"), ...pairs], inside: false, env: { PATH: systemPath } };
}

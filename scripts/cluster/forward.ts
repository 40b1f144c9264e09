import { join } from "node:path";
import { ClusterError } from "./fail.ts";
import type { Layout } from "./layout.ts";
import type { Server } from "./processes.ts";
import { systemPath } from "./servers.ts";

export type IngressPorts = { http: number; https: number };

/** The usual ports for who may have them, when they are free on loopback; else the first free ones from 8080 and 8443. */
export function freePorts(usual: boolean, isFree: (port: number) => boolean = portIsFree): IngressPorts {
  const first = (port: number, from: number): number => (usual && isFree(port) ? port : firstFree(from, isFree));
  return { http: first(80, 8080), https: first(443, 8443) };
}

function firstFree(from: number, isFree: (port: number) => boolean): number {
  for (let port = from; port < from + 100; port++) if (isFree(port)) return port;
  throw new ClusterError(`no loopback port for the ingress: ${from}-${from + 99} are all taken`);
}

export function portIsFree(port: number): boolean {
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
    return [`${listen}:${ports.http}=${layout.net.node}:80`, `${listen}:${ports.https}=${layout.net.node}:443`];
  });
  return { name: "davit-forward", argv: [join(layout.bin, "davit-forward"), ...pairs], enter: [], env: { PATH: systemPath } };
}

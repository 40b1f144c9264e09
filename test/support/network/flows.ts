/** The begin of a connection, as the node's connection tracking saw it. */
export interface Flow {
  /** Milliseconds since 1970. */
  at: number;
  protocol: "TCP" | "UDP" | "SCTP";
  /** Who began it. */
  source: string;
  /** Where it went in the end: for a Service, the Pod behind it. */
  destination: string;
  port: number;
}

const NEW = /^\[(\d+\.\d+)\]\s+\[NEW\]\s+ipv[46]\s+\d+\s+(tcp|udp|sctp)\s/;
const TUPLE = /src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)/g;

/** The flow of a line of `conntrack -E -e NEW -o extended,timestamp`, if it tells of one. */
export function parseFlow(line: string): Flow | undefined {
  const [, seconds, protocol] = NEW.exec(line) ?? [];
  // First what was asked for, then what answers come from: the second knows of the translation of addresses.
  const [asked, answered] = [...line.matchAll(TUPLE)];
  if (!seconds || !protocol || !asked || !answered) return undefined;
  return {
    at: Number(seconds) * 1000,
    protocol: protocol.toUpperCase() as Flow["protocol"],
    source: asked[1] ?? "",
    destination: answered[1] ?? "",
    port: Number(answered[3]),
  };
}

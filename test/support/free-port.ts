/** Ports of 127.0.0.1 that nobody listens on now, all different; for programs that cannot be told to take any. */
export function freePorts(count: number): number[] {
  // Held open together, so that they differ.
  const probes = Array.from({ length: count }, () => Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }));
  const ports = probes.map((probe) => probe.port);
  for (const probe of probes) probe.stop(true);
  return ports;
}

export function freePort(): number {
  return freePorts(1)[0] ?? 0;
}

import { aborted } from "../aborted.ts";
import type { Log } from "../log.ts";
import { keepReloading } from "../tls-server.ts";
import { readGateConfig } from "./config.ts";
import { serveGate } from "./gate.ts";

/** `davit agent registry`: serves until `signal` aborts, then lets transfers end (kubelet's grace period is the limit). */
export async function runGate(env: Record<string, string | undefined>, options: { signal: AbortSignal; log: Log }): Promise<void> {
  const { signal, log } = options;
  const gate = await serveGate(readGateConfig(env), log);
  log("the registry's gate is up", { port: gate.port });
  keepReloading(gate, log, signal);
  void gate.followKeys(signal);
  await aborted(signal);
  await gate.stop();
}

import { aborted } from "../aborted.ts";
import type { Log } from "../log.ts";
import { readGateConfig } from "./config.ts";
import { serveGate } from "./gate.ts";

/** Kubelet brings a changed Secret into the Pod within about a minute; looking more often than that costs two small reads. */
const RELOAD_MS = 10_000;

/** `davit agent registry`: serves until `signal` aborts, then lets transfers end (kubelet's grace period is the limit). */
export async function runGate(env: Record<string, string | undefined>, options: { signal: AbortSignal; log: Log }): Promise<void> {
  const { signal, log } = options;
  const gate = await serveGate(readGateConfig(env), log);
  log("the registry's gate is up", { port: gate.port });
  const timer = setInterval(() => gate.reload().catch((error) => log("the registry's certificate could not be read", { error })), RELOAD_MS);
  await aborted(signal);
  clearInterval(timer);
  await gate.stop();
}

import type { PlaceReason } from "#shared/places";
import type { ProbeOrder } from "#shared/probe";
import { handshake } from "#shared/tls/handshake";
import { pause } from "#shared/within";

type Order = Extract<ProbeOrder, { hop: "servers" }>;

/** Kubelet brings a certificate within about a minute, and servers look every ten seconds. */
const PATIENCE_MS = 150_000;
const LOOK_MS = 500;

/** Waits until each server shows a certificate of the CA; tells of the first that does not in time. */
export async function signedServers({ urls, ca }: Order, stop: AbortSignal): Promise<{ reason: PlaceReason; detail: string } | undefined> {
  const until = Date.now() + PATIENCE_MS;
  for (const url of urls) {
    for (let why = await problemOf(url, ca); why !== undefined; why = await problemOf(url, ca)) {
      if (stop.aborted || Date.now() > until) return { reason: "certificate", detail: `${url}: ${why}` };
      await pause(LOOK_MS, stop);
    }
  }
  return undefined;
}

async function problemOf(url: string, ca: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  try {
    return (await handshake({ host: hostname, port: Number(port) || 443, ca })).problem;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

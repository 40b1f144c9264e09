import { readFile } from "node:fs/promises";
import type { PlaceProblem } from "#shared/places";
import { ProbeOrder, type ProbeReport } from "#shared/probe";
import { factsOf } from "#shared/tls/certificate";
import { handshake } from "#shared/tls/handshake";
import { aborted } from "../aborted.ts";
import { checkS3 } from "../places/check-s3.ts";
import { ORDER_FILE } from "../places/order-file.ts";
import { buildS3 } from "./build-s3.ts";
import { PushedImage } from "./pushed-image.ts";

type Report = (report: ProbeReport) => void;

/** `davit agent probe`: goes one of the ways on which TLS is verified, from here, and reports once. An image that it pushed goes when `stop` aborts. */
export async function probe(report: Report, stop: AbortSignal): Promise<void> {
  const order = ProbeOrder.parse(JSON.parse(await readFile(ORDER_FILE, "utf8")));
  switch (order.hop) {
    case "agent-s3":
      return report(await reportOf(order.place.endpoint, order.place.ca, await checkS3(order.place)));
    case "build-s3":
      return report(await reportOf(new URL(order.endpoint), order.ca, await buildS3(order)));
    case "build-registry": {
      const { place } = order;
      const image = await PushedImage.push(order);
      report({ ...(await reportOf(new URL(`${place.plainHttp ? "http" : "https"}://${place.host}`), place.ca, image.problem)), ...image.pushed });
      if (image.problem) return;
      await aborted(stop);
      await image.remove();
    }
  }
}

/** The way's end as it looks, beside what the transfer came to. */
async function reportOf(url: URL, ca: string, problem: Omit<PlaceProblem, "place"> | undefined): Promise<ProbeReport> {
  const [peer, there] = await Promise.all([peerOf(url, ca), timeOf(url, ca)]);
  const clock = { here: Date.now(), ...(there === undefined ? {} : { there }) };
  return { peer, clock, ...(problem ? { problem: { reason: problem.reason, detail: problem.detail } } : {}) };
}

async function peerOf({ protocol, hostname, port }: URL, ca: string): Promise<ProbeReport["peer"]> {
  if (protocol !== "https:") return {};
  try {
    const { chain, address } = await handshake({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 443, ...(ca ? { ca } : {}) });
    const { issuer, notAfter } = chain[0] ? factsOf(chain[0]) : {};
    return { address, issuer, notAfter };
  } catch {
    return {};
  }
}

/** By the server's own clock, which it tells with every answer. */
async function timeOf({ origin }: URL, ca: string): Promise<number | undefined> {
  try {
    const answer = await fetch(origin, { ...(ca ? { tls: { ca } } : {}), signal: AbortSignal.timeout(5000) });
    await answer.body?.cancel();
    return Date.parse(answer.headers.get("date") ?? "") || undefined;
  } catch {
    return undefined;
  }
}

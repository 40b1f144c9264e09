import { readFile } from "node:fs/promises";
import { RegistryApi } from "#shared/oci/registry-api";
import { ProbeOrder, type ProbeReport } from "#shared/probe";
import { fetchWay } from "#shared/proxy";
import { factsOf } from "#shared/tls/certificate";
import { handshake } from "#shared/tls/handshake";
import { aborted } from "../aborted.ts";
import { pushTiny, registryReason, removeImage } from "../places/check-registry.ts";
import { checkS3 } from "../places/check-s3.ts";
import { ORDER_FILE } from "../places/order-file.ts";
import { buildS3 } from "./build-s3.ts";
import { signedServers } from "./signed-servers.ts";

type Report = (report: ProbeReport) => void;
/** What came of it. */
type Transfer = Pick<ProbeReport, "problem" | "digest">;

/** `davit agent probe`: goes one of the ways on which TLS is verified, from here, and reports once. An image that it pushed goes when `stop` aborts. */
export async function probe(report: Report, stop: AbortSignal): Promise<void> {
  const order = ProbeOrder.parse(JSON.parse(await readFile(ORDER_FILE, "utf8")));
  switch (order.hop) {
    case "agent-s3":
      report(await reportOf(order.place.endpoint, order.place, checkS3(order.place).then(asProblem)));
      return;
    case "build-s3":
      report(await reportOf(new URL(order.endpoint), order, buildS3(order).then(asProblem)));
      return;
    case "build-registry":
      await probeRegistry(order, report, stop);
      return;
    case "servers":
      report({ peer: {}, clock: { here: Date.now() }, ...asProblem(await signedServers(order, stop)) });
  }
}

/** The image stays for the nodes to pull, and goes when this ends. */
async function probeRegistry(order: Extract<ProbeOrder, { hop: "build-registry" }>, report: Report, stop: AbortSignal): Promise<void> {
  const { place, remover, repository, run } = order;
  const url = new URL(`${place.plainHttp ? "http" : "https"}://${place.host}`);
  const push = pushTiny(new RegistryApi(place), repository, run).then((digest) => ({ digest }), registryProblem);
  const found = await reportOf(url, place, push);
  report(found);
  if (!found.digest) return;
  await aborted(stop);
  await removeImage(new RegistryApi({ ...place, login: remover ?? place.login }), repository, found.digest);
}

function registryProblem(error: unknown): Transfer {
  return { problem: { reason: registryReason(error), detail: error instanceof Error ? error.message : String(error) } };
}

function asProblem(problem: Transfer["problem"]): Transfer {
  return problem ? { problem: { reason: problem.reason, detail: problem.detail } } : {};
}

type Way = Parameters<typeof fetchWay>[0];

/** The way's end as it looks, beside what the transfer comes to. */
async function reportOf(url: URL, way: Way, transfer: Promise<Transfer>): Promise<ProbeReport> {
  const [peer, clock, came] = await Promise.all([peerOf(url, way), clocksOf(url, way), transfer]);
  return { peer, clock, ...came };
}

async function peerOf({ protocol, hostname, port }: URL, { ca, proxy }: Way): Promise<ProbeReport["peer"]> {
  if (protocol !== "https:" || proxy) return {};
  try {
    const { chain, address } = await handshake({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 443, ...(ca ? { ca } : {}) });
    const { issuer, notAfter } = chain[0] ? factsOf(chain[0]) : {};
    return { address, issuer, notAfter };
  } catch {
    return {};
  }
}

/** This node's clock and the server's, which it tells with every answer. */
async function clocksOf({ origin }: URL, way: Way): Promise<ProbeReport["clock"]> {
  try {
    const answer = await fetch(origin, { ...fetchWay(way), signal: AbortSignal.timeout(5000) });
    await answer.body?.cancel();
    const there = Date.parse(answer.headers.get("date") ?? "");
    return { here: Date.now(), ...(Number.isNaN(there) ? {} : { there }) };
  } catch {
    return { here: Date.now() };
  }
}

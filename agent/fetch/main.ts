import { readFile } from "node:fs/promises";
import { Fault, toFault } from "#shared/fault";
import { FETCH_PATHS, FETCH_SECONDS } from "../objects/fetch.ts";
import { fetchSource } from "./fetch.ts";
import { addressesOf, guardedResolve } from "./guard.ts";
import { LIMITS } from "./limits.ts";
import { FetchOrder, type FetchReport } from "./order.ts";
import { agentSink } from "./upload.ts";

/** `davit agent fetch`: carries out the order that is mounted, and tells on stdout how that went. */
export async function runFetch(report: (line: FetchReport) => void, complain: (error: unknown) => void, stop: AbortSignal): Promise<void> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Fault("git_unreachable", `the fetch has not ended after ${FETCH_SECONDS} s`)), FETCH_SECONDS * 1000);
  try {
    const order = FetchOrder.parse(JSON.parse(await readFile(`${FETCH_PATHS.order}/order.json`, "utf8")));
    const resolve = guardedResolve(await addressesOf(order.refused));
    const signal = AbortSignal.any([stop, limit.signal]);
    report(await fetchSource(order, { resolve, limits: LIMITS, scratch: FETCH_PATHS.scratch, agent: agentSink(order.agent), signal, report }));
  } catch (error) {
    // A Pod that is taken away is no end of the fetch: another one takes it up.
    if (stop.aborted) return;
    const { code, message, details } = toFault(error);
    if (code === "bug") complain(error);
    report({ type: "failed", code, message, details });
  } finally {
    clearTimeout(timer);
  }
}

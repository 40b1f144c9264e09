import { readFile } from "node:fs/promises";
import { Fault, toFault } from "#shared/fault";
import { lines } from "#shared/lines";
import { fetchWay, type Proxies, proxyFor } from "#shared/proxy";
import { within } from "#shared/within";
import { STAGE_PATHS, WARM_SECONDS } from "../objects/staging.ts";
import { type Fetch, hydrate } from "./hydrate.ts";
import { KanikoPipes } from "./kaniko.ts";
import { SourceOrder, StageOrder, type StageReport } from "./order.ts";

/**
 * `davit agent stage`: the staging Pod's side of a push. Takes orders on stdin, one after the other, and reports on
 * stdout; both pass through the API server, so the Pod needs no address, no port and no token to talk to the agent.
 * Ends when no order has come for {@link WARM_SECONDS}.
 */
export async function stage(stdin: ReadableStream<Uint8Array>, report: Report, complain: (error: unknown) => void): Promise<number> {
  const kaniko = new KanikoPipes(STAGE_PATHS.run);
  await kaniko.connect();
  report({ type: "ready" });
  const ended = new Map<string, StageReport>();
  const orders = lines(stdin);
  for (;;) {
    const next = await within(WARM_SECONDS * 1000, orders.next());
    if (!next || next.done) return 0;
    const order = parseOrder(next.value);
    if (!order) continue;
    const before = ended.get(order.build);
    if (before) report(before);
    else ended.set(order.build, await run(order, kaniko, report, complain));
  }
}

type Report = (line: StageReport) => void;

/** Nothing for a line that is no order: an agent that was killed while it wrote leaves half of one. */
function parseOrder(line: string): StageOrder | undefined {
  try {
    return StageOrder.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** Carries an order out, and returns the report of its end. */
async function run(order: StageOrder, kaniko: KanikoPipes, report: Report, complain: (error: unknown) => void): Promise<StageReport> {
  const { build } = order;
  const tell = (last: StageReport): StageReport => {
    report(last);
    return last;
  };
  report({ type: "begun", build });
  try {
    const began = performance.now();
    const fetch = fetchVerified(`${STAGE_PATHS.trust}/s3.crt`, order.proxies);
    const source = SourceOrder.parse(JSON.parse(new TextDecoder().decode(await fetch(order.source))));
    const hydrated = await hydrate(STAGE_PATHS.volume, source, fetch);
    const between = performance.now();
    const onVolume = tell({ type: "hydrated", build, ms: Math.round(between - began), ...hydrated });
    if (!order.args) return onVolume;
    let number = 0;
    const built = await kaniko.build({ ...order, args: order.args }, (line) => report({ type: "log", build, number: ++number, line }));
    return tell({ type: "built", build, ...built, ms: Math.round(performance.now() - between) });
  } catch (error) {
    const fault = toFault(error);
    if (fault.code === "bug") complain(error);
    return tell({ type: "failed", build, code: fault.code, message: fault.message });
  }
}

/** By the CA in the file that vouches for the store, which may be replaced while this Pod waits; without one, by those that vouch for everybody. */
function fetchVerified(caFile: string, proxies: Proxies): Fetch {
  return async (url, headers = {}) => {
    for (let failures = 0; ; failures++) {
      try {
        const ca = await readFile(caFile, "utf8");
        const response = await fetch(url, { headers, ...fetchWay({ ca, proxy: proxyFor(new URL(url), proxies) }) });
        if (response.ok) return new Uint8Array(await response.arrayBuffer());
        throw new Error(`the store answered ${response.status}`);
      } catch (cause) {
        if (failures >= 4)
          throw new Fault("hydrate_failed", `the source could not be read from the store: ${cause instanceof Error ? cause.message : cause}`, {
            cause,
          });
        await Bun.sleep(100 * 2 ** failures);
      }
    }
  };
}

import { z } from "zod";
import { pause } from "#shared/within";
import type { Deps } from "../deps.ts";
import { keys } from "../store/keys.ts";
import type { Collector } from "./collector.ts";

const DAY_MS = 24 * 3_600_000;
/** How soon it is tried again when something was out of reach. */
const RETRY_MS = 1_800_000;

const LastRun = z.object({ at: z.number() });

/** Collects garbage once a day until `stop` aborts. When it did so last is in the store, so a restart changes nothing. */
export async function collectDaily({ store, log }: Pick<Deps, "store" | "log">, collector: Pick<Collector, "run">, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      const last = await readLast(store);
      if (last === undefined) await writeLast(store);
      await pause(dueIn(last, Date.now()), stop);
      if (stop.aborted) return;
      const collected = { things: 0, bytes: 0, refused: 0 };
      for await (const { action, bytes } of collector.run({ dryRun: false })) {
        if (stop.aborted) return;
        if (action === "refused") collected.refused += 1;
        if (action !== "collect") continue;
        collected.things += 1;
        collected.bytes += bytes ?? 0;
      }
      await writeLast(store);
      log("the daily garbage was collected", collected);
    } catch (error) {
      if (stop.aborted) return;
      log("the daily garbage could not be collected", { error });
      await pause(RETRY_MS, stop);
    }
  }
}

/** How long it is until the next time; a new installation has a day. */
export function dueIn(last: number | undefined, now: number): number {
  return last === undefined ? DAY_MS : Math.min(DAY_MS, Math.max(0, last + DAY_MS - now));
}

async function readLast(store: Deps["store"]): Promise<number | undefined> {
  const text = await store.get(keys.lastCollected);
  return text && LastRun.parse(JSON.parse(new TextDecoder().decode(text))).at;
}

async function writeLast(store: Deps["store"]): Promise<void> {
  await store.put(keys.lastCollected, Buffer.from(JSON.stringify({ at: Date.now() } satisfies z.infer<typeof LastRun>)));
}

import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { type Amount, MigrateLine } from "#shared/migration";
import { runErrand } from "../install/errand.ts";
import type { InstallOptions } from "../install/options.ts";

/** Has a Pod in the cluster carry out an order of shared/migration.ts, and tells how far it is. @throws Fault what stopped it */
export async function copy(
  kube: Kube,
  { images }: InstallOptions,
  order: object,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (done: Amount, total: Amount) => void },
): Promise<Amount> {
  let end: Exclude<MigrateLine, { type: "progress" }> | undefined;
  const take = (text: string) => {
    const line = MigrateLine.parse(JSON.parse(text));
    if (line.type === "progress") onProgress(line.done, line.total);
    else end = line;
  };
  await runErrand(kube, { name: "migrate", program: "migrate", image: images.agent, order, onLine: take }, signal);
  if (end?.type === "copied") return end.total;
  throw end ? Fault.fromWire(end.fault) : new Fault("bug", "`davit agent migrate` ended without a word");
}

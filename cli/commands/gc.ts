import { Command, Option } from "clipanion";
import { Fault } from "#shared/fault";
import type { GarbageItem } from "#shared/garbage";
import { AgentCommand } from "../command.ts";

/** `davit gc`: what the agent does once a day by itself, now. */
export class GcCommand extends AgentCommand {
  static override paths = [["gc"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "collect garbage now, or see what is garbage and why",
    details:
      "Takes away old revisions with their images, logs and sources, layers that builds do not use any more, and whatever apps and namespaces that are gone left behind. The agent does this once a day by itself. Safe at any time: pushes wait for a moment, and nothing is taken that one of them needs.",
    examples: [
      ["See what would be taken, and why", "davit gc --dry-run"],
      ["See why something is still there", "davit gc --explain shop-3"],
    ],
  });

  dryRun = Option.Boolean("--dry-run", false, { description: "say what is garbage and take nothing away" });
  explain = Option.String("--explain", {
    description: "<NAME> say why it is kept, or not: an app, a revision such as shop-3, a digest, or a part of one",
  });
  namespace = Option.String("-n,--namespace", { description: "<NAME> look at this namespace only" });

  protected override async run(): Promise<number> {
    const [{ checkTogether }, { checkNamespace }, { explainLines, garbageLines, totalBytes }] = await Promise.all([
      import("../flags.ts"),
      import("../agent-client/namespace.ts"),
      import("../report/garbage.ts"),
    ]);
    checkTogether({ "--dry-run": this.dryRun, "--explain": this.explain !== undefined }, "--explain takes nothing away anyhow");
    if (this.explain !== undefined) checkReference(this.explain);
    const namespace = this.namespace === undefined ? undefined : checkNamespace(this.namespace, "--namespace");
    const { client } = await this.connect();
    const { signal } = this.context;
    if (this.explain !== undefined) {
      this.print(await client.explainGarbage({ query: { ref: this.explain, namespace } }, { signal }), explainLines);
      return 0;
    }
    const { dryRun } = this;
    const items: GarbageItem[] = [];
    for await (const item of client.collectGarbage({ body: { dryRun, namespace } }, { signal })) items.push(item);
    const { collect = [], refused = [] } = Object.groupBy(items, ({ action }) => action);
    this.print({ dryRun, items: collect, bytes: totalBytes(collect), refused }, () => garbageLines(items, dryRun));
    return 0;
  }
}

function checkReference(text: string): void {
  if (/^[-._:@/A-Za-z0-9]{1,300}$/.test(text)) return;
  throw new Fault("usage", "--explain takes an app, a revision such as shop-3, a digest, or a part of one", { details: { flag: "--explain" } });
}

import { Command, Option } from "clipanion";
import { Fault } from "#shared/fault";
import { ClusterCommand } from "../command.ts";
import type { Inventory } from "../install/uninstall.ts";

/** `davit uninstall`: takes davit out of a cluster. */
export class UninstallCommand extends ClusterCommand {
  static override paths = [["uninstall"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "remove davit from a cluster",
    details:
      "Removes everything that `davit install` made, the pushed sources, images and logs with it. Apps go on running as they are, and the records of them stay, unless --apps is given: then they and their namespaces go too.",
    examples: [["Everything, without a question", "davit uninstall --apps --yes"]],
  });

  apps = Option.Boolean("--apps", false, { description: "remove the apps and their namespaces too" });
  yes = Option.Boolean("--yes", false, { description: "ask nothing" });
  timeout = Option.String("--timeout", "5m", { description: "<DURATION> how long to wait until everything is gone" });

  protected async run(): Promise<number> {
    const [{ takeInventory, uninstall }, { parseDuration }] = await Promise.all([import("../install/uninstall.ts"), import("../flags.ts")]);
    const timeout = AbortSignal.timeout(parseDuration("--timeout", this.timeout));
    const kube = await this.kube();
    const inventory = await takeInventory(kube);
    if (!inventory.installed) throw new Fault("not_installed", "davit is not installed in this cluster; there is nothing to remove");
    await this.confirm(inventory);
    const signal = AbortSignal.any([this.context.signal, timeout]);
    const result = await uninstall(kube, inventory, { apps: this.apps, signal, tell: (line) => this.context.err(line) });
    for (const warning of result.warnings) this.context.err(`warning: ${warning}`);
    this.print(result, ({ removed, kept }) => [
      `davit is removed: ${removed.length} objects and all that was in them`,
      ...(kept.length > 0 ? [`kept, because --apps was not given: ${kept.join(", ")}`] : []),
    ]);
    return 0;
  }

  private async confirm({ volumes, apps, tenants }: Inventory): Promise<void> {
    const going = [
      ...volumes.map((name) => `volume ${name}`),
      ...(this.apps ? [...apps.map((name) => `app ${name}`), ...tenants.map((name) => `namespace ${name}`)] : []),
    ];
    if (this.yes || going.length === 0) return;
    this.context.err(`this deletes, for good: ${going.join(", ")}`);
    const answer = await this.context.ask("Type 'yes' to go on: ");
    if (answer.trim() !== "yes") throw new Fault("interrupted", "not confirmed; nothing was removed");
  }
}

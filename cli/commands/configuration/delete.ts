import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class ConfigurationDeleteCommand extends NamespacedCommand {
  static override paths = [["configuration", "delete"]];
  static override usage = Command.Usage({
    category: "Configurations",
    description: "delete configurations that no app has",
    examples: [["Take it from the apps that have it first", "davit configuration delete mail --unbind"]],
  });

  names = Option.Rest({ name: "NAME", required: 1 });
  unbind = Option.Boolean("--unbind", false, { description: "take them from the apps that have them, which restarts each of those once" });
  yes = Option.Boolean("--yes", false, { description: "agree beforehand" });

  protected override async run(): Promise<number> {
    const { deleteConfigurations } = await import("../../configuration/delete.ts");
    return await deleteConfigurations(this.context, this, { kubeconfig: this.kubeconfig, context: this.kubeContext, server: this.server });
  }
}

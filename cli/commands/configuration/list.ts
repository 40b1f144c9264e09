import { Command } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class ConfigurationListCommand extends NamespacedCommand {
  static override paths = [["configuration", "list"]];
  static override usage = Command.Usage({
    category: "Configurations",
    description: "list configurations",
    examples: [["Those of a namespace", "davit configuration list -n team-a"]],
  });

  protected override async run(): Promise<number> {
    const { configurationTable } = await import("../../configuration/text.ts");
    const { client, namespace } = await this.connectNamespace();
    const configurations = await client.listConfigurations({ namespace });
    this.print(configurations, () => configurationTable(configurations, Date.now()));
    if (configurations.length === 0)
      this.context.err(`no configurations in namespace ${namespace}; \`davit configuration create NAME K=V\` makes one`);
    return 0;
  }
}

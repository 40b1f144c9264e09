import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class ConfigurationShowCommand extends NamespacedCommand {
  static override paths = [["configuration", "show"]];
  static override usage = Command.Usage({
    category: "Configurations",
    description: "show a configuration and the apps that have it",
    details: "Values stay with the agent unless --reveal asks for them; that needs the right to change apps.",
    examples: [["With its values", "davit configuration show mail --reveal"]],
  });

  name = Option.String({ name: "NAME" });
  reveal = Option.Boolean("--reveal", false, { description: "show the values too" });

  protected override async run(): Promise<number> {
    const [{ checkConfiguration }, { configurationLines, readable }] = await Promise.all([
      import("../../configuration/values.ts"),
      import("../../configuration/text.ts"),
    ]);
    const configuration = checkConfiguration(this.name);
    const { client, namespace } = await this.connectNamespace();
    const query = this.reveal ? { values: "true" as const } : {};
    const { values, ...summary } = await client.showConfiguration({ namespace, configuration, query });
    const shown = values && Object.fromEntries(Object.entries(values).map(([key, value]) => [key, readable(value)]));
    this.print(shown ? { ...summary, values: shown } : summary, () => configurationLines(summary, values, Date.now()));
    return 0;
  }
}

import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class ConfigurationBindCommand extends ChangeCommand {
  static override paths = [["configuration", "bind"]];
  static override usage = Command.Usage({
    category: "Configurations",
    description: "give an app a configuration",
    details: "The app is restarted once. It finds each value in the file /configurations/NAME/KEY, and short text also in the variable NAME_KEY.",
    examples: [["Give it to the shop", "davit configuration bind mail shop"]],
  });

  name = Option.String({ name: "NAME" });
  app = Option.String({ name: "APP" });

  protected override async change() {
    const [{ checkName }, { checkConfiguration }] = await Promise.all([import("../../push/name.ts"), import("../../configuration/values.ts")]);
    const name = checkConfiguration(this.name);
    return { app: checkName(this.app), doing: `giving ${name} to`, request: { bind: [name] } };
  }
}

import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class ConfigurationUnbindCommand extends ChangeCommand {
  static override paths = [["configuration", "unbind"]];
  static override usage = Command.Usage({
    category: "Configurations",
    description: "take a configuration from an app",
    details: "The app is restarted once, if it had the configuration.",
    examples: [["Take it from the shop", "davit configuration unbind mail shop"]],
  });

  name = Option.String({ name: "NAME" });
  app = Option.String({ name: "APP" });

  protected override async change() {
    const [{ checkName }, { checkConfiguration }] = await Promise.all([import("../../push/name.ts"), import("../../configuration/values.ts")]);
    const name = checkConfiguration(this.name);
    return { app: checkName(this.app), doing: `taking ${name} from`, request: { unbind: [name] } };
  }
}

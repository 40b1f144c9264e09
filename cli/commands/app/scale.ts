import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class AppScaleCommand extends ChangeCommand {
  static override paths = [["app", "scale"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "change how many instances of an app run",
    details: "Instances that run already are not restarted.",
    examples: [["Three instances", "davit app scale shop 3"]],
  });

  name = Option.String({ name: "NAME" });
  instances = Option.String({ name: "N" });

  protected override async change() {
    const [{ checkName }, { parseWhole }] = await Promise.all([import("../../push/name.ts"), import("../../flags.ts")]);
    return { app: checkName(this.name), doing: "scaling", request: { instances: parseWhole("N", this.instances, 0, 100) } };
  }
}

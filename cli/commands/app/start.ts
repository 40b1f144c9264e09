import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class AppStartCommand extends ChangeCommand {
  static override paths = [["app", "start"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "run a stopped app again, with as many instances as it had",
    examples: [["In the morning", "davit app start shop"]],
  });

  name = Option.String({ name: "NAME" });

  protected override async change() {
    const { checkName } = await import("../../push/name.ts");
    return { app: checkName(this.name), doing: "starting", request: { stopped: false } };
  }
}

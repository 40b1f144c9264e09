import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class AppRestartCommand extends ChangeCommand {
  static override paths = [["app", "restart"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "replace an app's instances by new ones",
    details: "The old instances serve until the new ones are ready.",
    examples: [["Start it afresh", "davit app restart shop"]],
  });

  name = Option.String({ name: "NAME" });

  protected override async change() {
    const { checkName } = await import("../../push/name.ts");
    return { app: checkName(this.name), doing: "restarting", request: { restart: true } };
  }
}

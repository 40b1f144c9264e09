import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class AppStopCommand extends ChangeCommand {
  static override paths = [["app", "stop"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "run no instance of an app until it is started again",
    details: "The app keeps its routes, settings and revisions, and how many instances it is to have.",
    examples: [["For the night", "davit app stop shop"]],
  });

  name = Option.String({ name: "NAME" });

  protected override async change() {
    const { checkName } = await import("../../push/name.ts");
    return { app: checkName(this.name), doing: "stopping", request: { stopped: true } };
  }
}

import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class AppRollbackCommand extends ChangeCommand {
  static override paths = [["app", "rollback"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "go back to an earlier revision of an app",
    details:
      "Runs that revision's image again, with its environment, port and configurations; nothing is built. Routes and the number of instances stay as they are. Without REVISION: the newest one before the one that serves that was live and differs from it. `davit app revisions NAME` lists them.",
    examples: [
      ["Undo the last change", "davit app rollback shop"],
      ["Go back to a certain revision", "davit app rollback shop 12"],
    ],
  });

  name = Option.String({ name: "NAME" });
  revision = Option.String({ name: "REVISION", required: false });

  protected override async change() {
    const [{ checkName }, { parseRevision }] = await Promise.all([import("../../push/name.ts"), import("../../flags.ts")]);
    const from = this.revision === undefined ? ("previous" as const) : parseRevision("REVISION", this.revision);
    return { app: checkName(this.name), doing: "rolling back", request: { from } };
  }
}

import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class AppRestageCommand extends ChangeCommand {
  static override paths = [["app", "restage"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "build an app again from the source it has",
    details:
      "For a new base image, or when an image is gone from the registry. With --revision, the source and settings of that revision are built and go live.",
    examples: [
      ["Build what serves again", "davit app restage shop"],
      ["Bring back a revision whose image is gone", "davit app restage shop --revision 4"],
    ],
  });

  name = Option.String({ name: "NAME" });
  revision = Option.String("--revision", { description: "<N> take this revision's source and settings (default: what serves)" });

  protected override async change() {
    const [{ checkName }, { parseRevision }] = await Promise.all([import("../../push/name.ts"), import("../../flags.ts")]);
    const from = this.revision === undefined ? {} : { from: parseRevision("--revision", this.revision) };
    return { app: checkName(this.name), doing: "building again", request: { rebuild: true, ...from } };
  }
}

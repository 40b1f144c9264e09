import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../../change-command.ts";

export class AppEnvUnsetCommand extends ChangeCommand {
  static override paths = [["app", "env", "unset"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "take environment variables away from an app",
    details: "The app is restarted once, however many go; one that it does not have is none to take away.",
    examples: [["Two variables, one restart", "davit app env unset shop LOG MODE"]],
  });

  name = Option.String({ name: "NAME" });
  variables = Option.Rest({ name: "K", required: 1 });

  protected override async change() {
    const [{ checkName }, { checkVariable }] = await Promise.all([import("../../../push/name.ts"), import("../../../push/variables.ts")]);
    const env = Object.fromEntries(this.variables.map((name) => [checkVariable("K", name), null]));
    return { app: checkName(this.name), doing: "changing the environment of", request: { env } };
  }
}

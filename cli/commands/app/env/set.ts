import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../../change-command.ts";

export class AppEnvSetCommand extends ChangeCommand {
  static override paths = [["app", "env", "set"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "set environment variables of an app",
    details: "The app is restarted once, however many are set; variables that are not named stay. K=V wins over --env-file.",
    examples: [
      ["Two variables, one restart", "davit app env set shop LOG=debug MODE=demo"],
      ["A value that is not to stand in the shell's history", "davit app env set shop --stdin TOKEN < token-file"],
      ["All of a dotenv file", "davit app env set shop --env-file .env.production"],
    ],
  });

  name = Option.String({ name: "NAME" });
  pairs = Option.Rest({ name: "K=V" });
  envFile = Option.String("--env-file", { description: "<FILE> variables from a dotenv file" });
  fromStdin = Option.String("--stdin", { description: "<K> read this variable's value from stdin; one newline at its end is left out" });

  protected override async change() {
    const [{ checkName }, { readVariables }] = await Promise.all([import("../../../push/name.ts"), import("../../../push/variables.ts")]);
    const app = checkName(this.name);
    return { app, doing: "setting the environment of", request: { env: await readVariables(this.context, this) } };
  }
}

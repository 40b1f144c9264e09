import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class ConfigurationUpdateCommand extends NamespacedCommand {
  static override paths = [["configuration", "update"]];
  static override usage = Command.Usage({
    category: "Configurations",
    description: "change values of a configuration, and restart the apps that have it",
    details:
      "Values that are not named stay. Each app is restarted once, its old instances serve until the new ones are ready; when nothing changes, no app is.",
    examples: [
      ["Change one value, take another away", "davit configuration update mail PORT=587 --unset USER"],
      ["A secret from stdin; the apps are restarted later", "davit configuration update database --stdin PASSWORD --no-restart < password-file"],
    ],
  });

  name = Option.String({ name: "NAME" });
  pairs = Option.Rest({ name: "K=V" });
  fromFile = Option.Array("--from-file", [], { description: "<K=FILE> a value that is a file's content; may be repeated" });
  envFile = Option.String("--env-file", { description: "<FILE> values from a dotenv file" });
  fromStdin = Option.String("--stdin", { description: "<K> read this value from stdin; one newline at its end is left out" });
  unset = Option.Array("--unset", [], { description: "<K> take this value away; may be repeated" });
  restart = Option.Boolean("--restart", true, { description: "restart the apps that have it (default); --no-restart leaves them as they are" });

  protected override async run(): Promise<number> {
    const { update } = await import("../../configuration/update.ts");
    return await update(this.context, this, { kubeconfig: this.kubeconfig, context: this.kubeContext, server: this.server });
  }
}

import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../../command.ts";

export class AppEnvListCommand extends NamespacedCommand {
  static override paths = [["app", "env", "list"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "list an app's environment variables",
    details: "Values are shown only with --reveal, to those who may change the app, and so that `--env-file` reads them again.",
    examples: [
      ["Which there are", "davit app env list shop"],
      ["Save them with their values", "davit app env list shop --reveal > shop.env"],
    ],
  });

  name = Option.String({ name: "NAME" });
  reveal = Option.Boolean("--reveal", false, { description: "show the values too" });

  protected override async run(): Promise<number> {
    const { checkName } = await import("../../../push/name.ts");
    const app = checkName(this.name);
    const { client, namespace } = await this.connectNamespace();
    if (this.reveal) {
      const { formatEnv } = await import("../../../push/env-file.ts");
      this.print(await client.showEnv({ namespace, app }), formatEnv);
    } else this.print((await client.showApp({ namespace, app })).envNames, (names) => names);
    return 0;
  }
}

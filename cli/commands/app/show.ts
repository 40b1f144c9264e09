import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppShowCommand extends NamespacedCommand {
  static override paths = [["app", "show"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "show an app and its revisions",
    examples: [["Its URL, for a script", "davit app show shop -o json | jq -r .url"]],
  });

  name = Option.String({ name: "NAME" });

  protected override async run(): Promise<number> {
    const [{ checkName }, { appLines }] = await Promise.all([import("../../push/name.ts"), import("../../report/apps.ts")]);
    const app = checkName(this.name);
    const { client, namespace } = await this.connectNamespace();
    this.print(await client.showApp({ namespace, app }), (details) => appLines(details, Date.now()));
    return 0;
  }
}

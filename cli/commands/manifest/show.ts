import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class ManifestShowCommand extends NamespacedCommand {
  static override paths = [["manifest", "show"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "write an app as a davit.yml that pushes it again as it is",
    details:
      "The values of its environment are in it, so it is for those who may change the app. What was pushed from a folder is said to be in the folder that the file is in.",
    examples: [["Keep an app's settings beside its code", "davit manifest show shop > davit.yml"]],
  });

  name = Option.String({ name: "APP" });

  protected override async run(): Promise<number> {
    const [{ checkName }, { documentOf, writeDocument }] = await Promise.all([import("../../push/name.ts"), import("../../manifest/write.ts")]);
    const app = checkName(this.name);
    const { client, namespace } = await this.connectNamespace();
    this.print(documentOf({ name: app, namespace }, await client.showManifest({ namespace, app })), writeDocument);
    return 0;
  }
}

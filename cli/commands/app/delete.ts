import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppDeleteCommand extends NamespacedCommand {
  static override paths = [["app", "delete"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "delete apps, with their routes and revisions",
    examples: [["Two of them, without a question", "davit app delete shop blog --yes"]],
  });

  names = Option.Rest({ name: "NAME", required: 1 });
  yes = Option.Boolean("--yes", false, { description: "agree beforehand" });

  protected override async run(): Promise<number> {
    const [{ checkName }, { confirm }] = await Promise.all([import("../../push/name.ts"), import("../../report/ask.ts")]);
    const apps = [...new Set(this.names.map((name) => checkName(name)))];
    const { client, namespace } = await this.connectNamespace();
    const which = apps.map((app) => `'${app}'`).join(", ");
    if (!(await confirm(this.context, `Delete ${which} from namespace '${namespace}'?`, this.yes))) {
      this.context.err("nothing was deleted");
      return 0;
    }
    for (const app of apps) {
      await client.deleteApp({ namespace, app });
      if (this.output !== "json") this.context.out(`${app} deleted`);
    }
    if (this.output === "json") this.context.out(JSON.stringify({ namespace, deleted: apps }, null, 2));
    return 0;
  }
}

import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppListCommand extends NamespacedCommand {
  static override paths = [["app", "list"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "list apps",
    examples: [
      ["Those of a namespace", "davit app list -n team-a"],
      ["Everything, for a script", "davit app list --all -o json"],
    ],
  });

  all = Option.Boolean("--all", false, { description: "in every namespace that you can use" });

  protected override async run(): Promise<number> {
    const [{ checkTogether }, { appTable }] = await Promise.all([import("../../flags.ts"), import("../../report/apps.ts")]);
    checkTogether({ "--all": this.all, "--namespace": this.namespace !== undefined }, "--all means every namespace");
    const { client, namespace } = await this.connectNamespace();
    const apps = await (this.all ? client.listAllApps({}) : client.listApps({ namespace }));
    this.print(apps, () => appTable(apps, this.all));
    if (apps.length === 0)
      this.context.err(`no apps${this.all ? "" : ` in namespace ${namespace}`}; \`davit push\` in a folder with a Dockerfile makes one`);
    return 0;
  }
}

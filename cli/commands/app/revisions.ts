import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppRevisionsCommand extends NamespacedCommand {
  static override paths = [["app", "revisions"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "list an app's revisions: every push and change, newest first",
    details: "The one that serves is marked. `davit app rollback NAME REVISION` goes back to one that was live.",
    examples: [["What happened to it", "davit app revisions shop"]],
  });

  name = Option.String({ name: "NAME" });

  protected override async run(): Promise<number> {
    const [{ checkName }, { revisionTable }] = await Promise.all([import("../../push/name.ts"), import("../../report/revisions.ts")]);
    const app = checkName(this.name);
    const { client, namespace } = await this.connectNamespace();
    const details = await client.showApp({ namespace, app });
    if (this.output === "json") this.context.out(JSON.stringify(details.revisions, null, 2));
    else for (const line of revisionTable(details, Date.now())) this.context.out(line);
    return 0;
  }
}

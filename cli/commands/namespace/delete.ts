import { Command, Option } from "clipanion";
import { AgentCommand } from "../../command.ts";

export class NamespaceDeleteCommand extends AgentCommand {
  static override paths = [["namespace", "delete"]];
  static override usage = Command.Usage({
    category: "Namespaces",
    description: "delete a namespace and every app in it",
    examples: [["Without a question", "davit namespace delete team-a --yes"]],
  });

  name = Option.String({ name: "NAME" });
  yes = Option.Boolean("--yes", false, { description: "agree beforehand" });

  protected override async run(): Promise<number> {
    const [{ checkNamespace }, { confirm }] = await Promise.all([import("../../agent-client/namespace.ts"), import("../../report/ask.ts")]);
    const namespace = checkNamespace(this.name);
    const { client } = await this.connect();
    if (!(await confirm(this.context, `Delete the namespace '${namespace}' with all its apps?`, this.yes))) {
      this.context.err("nothing was deleted");
      return 0;
    }
    const { apps } = await client.deleteNamespace({ namespace });
    this.print({ namespace, apps }, () => `namespace ${namespace} deleted, with ${apps} ${apps === 1 ? "app" : "apps"}`);
    return 0;
  }
}

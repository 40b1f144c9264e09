import { Command, Option } from "clipanion";
import { AgentCommand } from "../../command.ts";

export class NamespaceCreateCommand extends AgentCommand {
  static override paths = [["namespace", "create"]];
  static override usage = Command.Usage({
    category: "Namespaces",
    description: "make a namespace that davit manages",
    examples: [["For a team", "davit namespace create team-a"]],
  });

  name = Option.String({ name: "NAME" });

  protected override async run(): Promise<number> {
    const { checkNamespace } = await import("../../agent-client/namespace.ts");
    const namespace = checkNamespace(this.name);
    const { client } = await this.connect();
    const { created } = await client.createNamespace({ namespace });
    this.print({ namespace, created }, () => (created ? `namespace ${namespace} made` : `namespace ${namespace} was there already`));
    return 0;
  }
}

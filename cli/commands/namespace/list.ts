import { Command } from "clipanion";
import { AgentCommand } from "../../command.ts";

export class NamespaceListCommand extends AgentCommand {
  static override paths = [["namespace", "list"]];
  static override usage = Command.Usage({
    category: "Namespaces",
    description: "list the namespaces that you can use",
    examples: [["Their names, for a script", "davit namespace list -o json | jq -r '.[].name'"]],
  });

  protected override async run(): Promise<number> {
    const [{ table }, { formatAge }, { client }] = await Promise.all([
      import("../../report/table.ts"),
      import("../../report/units.ts"),
      this.connect(),
    ]);
    const namespaces = await client.listNamespaces({});
    const now = Date.now();
    this.print(namespaces, () =>
      namespaces.length === 0
        ? []
        : table(
            ["name", "apps", "age"],
            namespaces.map(({ name, apps, createdAt }) => [name, apps, formatAge(createdAt, now)]),
          ),
    );
    for (const { name, foreign } of namespaces)
      for (const secret of foreign)
        this.context.err(`${name}: the Secret ${secret} is somebody else's, and davit needs its own: kubectl -n ${name} delete secret ${secret}`);
    if (namespaces.length === 0) this.context.err("no namespaces; make one with `davit namespace create NAME`");
    return 0;
  }
}

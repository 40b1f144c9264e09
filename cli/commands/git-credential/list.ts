import { Command } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class GitCredentialListCommand extends NamespacedCommand {
  static override paths = [["git-credential", "list"]];
  static override usage = Command.Usage({
    category: "Git credentials",
    description: "list the git credentials of a namespace",
    examples: [["Those of another namespace", "davit git-credential list -n team-a"]],
  });

  protected override async run(): Promise<number> {
    const [{ table }, { formatAge }, { client, namespace }] = await Promise.all([
      import("../../report/table.ts"),
      import("../../report/units.ts"),
      this.connectNamespace(),
    ]);
    const credentials = await client.listGitCredentials({ namespace });
    const now = Date.now();
    const rows = credentials.map(({ name, host, username, createdAt }) => [name, host, username, formatAge(createdAt, now)]);
    this.print(credentials, () => (rows.length === 0 ? [] : table(["name", "host", "username", "age"], rows)));
    if (rows.length === 0)
      this.context.err(`no git credentials in namespace ${namespace}; \`davit help git-credential create\` says how to make one`);
    return 0;
  }
}

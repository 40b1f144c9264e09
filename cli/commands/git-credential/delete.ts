import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class GitCredentialDeleteCommand extends NamespacedCommand {
  static override paths = [["git-credential", "delete"]];
  static override usage = Command.Usage({
    category: "Git credentials",
    description: "delete a git credential",
    details: "What was fetched with it stays. The next push that needs it says that it is gone.",
    examples: [["One that is not used any more", "davit git-credential delete github"]],
  });

  name = Option.String({ name: "NAME" });

  protected override async run(): Promise<number> {
    const { checkCredential } = await import("../../git-credential/read.ts");
    const credential = checkCredential(this.name);
    const { client, namespace } = await this.connectNamespace();
    await client.deleteGitCredential({ namespace, credential });
    this.print({ namespace, deleted: credential }, ({ deleted }) => `git credential ${deleted} deleted`);
    return 0;
  }
}

import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class GitCredentialCreateCommand extends NamespacedCommand {
  static override paths = [["git-credential", "create"]];
  static override usage = Command.Usage({
    category: "Git credentials",
    description: "keep a password or access token for the private repositories of one git server",
    details:
      "It stays in the namespace, is sent to that host only, and is shown to nobody again. A push of a repository of that host uses it, unless there are several; then `davit push --git-credential NAME` says which.",
    examples: [
      ["An access token", "davit git-credential create github --host github.com --password-stdin < token-file"],
      [
        "A user of a server whose certificate is signed by the company's own CA",
        "davit git-credential create work --host git.example.com:8443 --username ann --password-stdin --ca-file ca.crt < password-file",
      ],
    ],
  });

  name = Option.String({ name: "NAME" });
  host = Option.String("--host", { description: "<HOST[:PORT]> the git server that it is for" });
  username = Option.String("--username", "git", { description: "<USER> whose password it is; most servers need none for an access token" });
  passwordStdin = Option.Boolean("--password-stdin", false, { description: "read the password or access token from stdin" });
  password = Option.String("--password", { hidden: true });
  caFile = Option.String("--ca-file", { description: "<FILE> the CA (PEM) that signed the server's certificate" });

  protected override async run(): Promise<number> {
    const { checkCredential, readCredential } = await import("../../git-credential/read.ts");
    const credential = checkCredential(this.name);
    const body = await readCredential(this.context, this);
    const { client, namespace } = await this.connectNamespace();
    this.print(await client.putGitCredential({ namespace, credential, body }), ({ host }) => `git credential ${credential} made for ${host}`);
    return 0;
  }
}

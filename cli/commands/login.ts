import { Command, Option } from "clipanion";
import { BaseCommand } from "../command.ts";

export class LoginCommand extends BaseCommand {
  static override paths = [["login"]];
  static override usage = Command.Usage({
    category: "Access",
    description: "remember how to reach an agent",
    details:
      "Asks the agent who you are, and stores the login only if it says so. A server whose certificate this machine does not trust shows its CA, and you are asked whether the fingerprint is the right one: whoever runs davit sees it in `davit status`. From then on the login trusts that CA; what another one signed is refused. Logging in again keeps the CA and the namespace unless they are given anew.",
    examples: [
      ["With a token from a file", "davit login https://davit.example.com --token-stdin < token-file"],
      [
        "With a command that prints a token, run whenever one is needed",
        "davit login https://davit.example.com --token-command 'kubectl create token me'",
      ],
    ],
  });

  url = Option.String({ name: "URL" });
  tokenStdin = Option.Boolean("--token-stdin", false, { description: "read the token from stdin" });
  tokenCommand = Option.String("--token-command", { description: "<CMD> shell command that prints a token" });
  token = Option.String("--token", { hidden: true });
  caFile = Option.String("--ca-file", { description: "<FILE> the CA (PEM) that signed the server's certificate" });
  fingerprint = Option.String("--fingerprint", {
    description: "<SHA256:HEX> that CA's fingerprint, instead of the question whether it is the right one",
  });
  namespace = Option.String("-n,--namespace", { description: "<NAME> namespace to use with this login" });

  protected override async run(): Promise<number> {
    const { login } = await import("../access/login.ts");
    const who = await login(this.context, this);
    this.print(who, ({ user, server }) => `logged in to ${server} as ${user}`);
    return 0;
  }
}

import { Command, Option } from "clipanion";
import { BaseCommand } from "../command.ts";

export class LogoutCommand extends BaseCommand {
  static override paths = [["logout"]];
  static override usage = Command.Usage({
    category: "Access",
    description: "forget a login",
    details: "Forgets the current login, or the one for URL. The token itself stays valid until it expires.",
    examples: [["One of several", "davit logout https://davit.example.com"]],
  });

  url = Option.String({ name: "URL", required: false });

  protected override async run(): Promise<number> {
    const { logout } = await import("../access/login.ts");
    const server = logout(this.context, this.url);
    this.print({ server }, () => `logged out of ${server}`);
    return 0;
  }
}

import { Command } from "clipanion";
import { PROTOCOL, VERSION } from "#shared/version";
import { BaseCommand } from "../command.ts";

export class VersionCommand extends BaseCommand {
  static override paths = [["version"], ["--version"], ["-v"]];
  static override usage = Command.Usage({
    category: "Help",
    description: "show this davit's version",
    examples: [["With all that a report of a bug needs", "davit version -o json"]],
  });

  protected override async run(): Promise<number> {
    const found = { version: VERSION, protocol: PROTOCOL, platform: `${process.platform}-${process.arch}` };
    this.print(found, ({ version }) => `davit ${version}`);
    return 0;
  }
}

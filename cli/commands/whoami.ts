import { Command } from "clipanion";
import { AgentCommand } from "../command.ts";

export class WhoamiCommand extends AgentCommand {
  static override paths = [["whoami"]];
  static override usage = Command.Usage({
    category: "Access",
    description: "show who the agent takes you for, and which agent",
    examples: [["With a kubeconfig's cluster", "davit whoami --context production"]],
  });

  protected override async run(): Promise<number> {
    const { client, server, how } = await this.connect();
    const { user, groups } = await client.whoami({});
    this.print({ user, groups, server, how }, () => [
      `user    ${user}`,
      `groups  ${groups.join(", ") || "none"}`,
      `server  ${server}`,
      `how     ${how}`,
    ]);
    return 0;
  }
}

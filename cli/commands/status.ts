import { Command } from "clipanion";
import { ClusterCommand } from "../command.ts";

/** The exit code when a component is not healthy: that of what one cannot reach (agent_unreachable). */
const UNHEALTHY = 20;

/** `davit status`: how the installation in a cluster is. */
export class StatusCommand extends ClusterCommand {
  static override paths = [["status"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "show the health of davit in a cluster",
    details: `Exits with 0 when every component is healthy, with ${UNHEALTHY} when one is not, with 28 when davit is not installed.`,
    examples: [["For a script", "davit status -o json"]],
  });

  protected async run(): Promise<number> {
    const { renderStatus, status } = await import("../install/status.ts");
    const found = await status(await this.kube());
    this.print(found, (value) => renderStatus(value));
    return found.healthy ? 0 : UNHEALTHY;
  }
}

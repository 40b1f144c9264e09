import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppLogsCommand extends NamespacedCommand {
  static override paths = [["app", "logs"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "show what an app, or its staging, writes",
    details: "With `-o json` every line is an object of its own. `--staging` shows the newest push; while that runs, to its end.",
    examples: [
      ["The last 50 lines, then what comes", "davit app logs shop -f --tail 50"],
      ["The output of the newest build", "davit app logs shop --staging"],
    ],
  });

  name = Option.String({ name: "NAME" });
  follow = Option.Boolean("-f,--follow", false, { description: "go on until ^C" });
  staging = Option.Boolean("--staging", false, { description: "the newest push's log instead of the app's" });
  tail = Option.String("--tail", { description: "<N> only the last N lines" });

  protected override async run(): Promise<number> {
    const { appLogs, stagingLogs } = await import("../../report/logs.ts");
    const [{ checkName }, { parseWhole }] = await Promise.all([import("../../push/name.ts"), import("../../flags.ts")]);
    const app = checkName(this.name);
    const tail = this.tail === undefined ? undefined : parseWhole("--tail", this.tail, 0, 100_000);
    const at = { app, ...(await this.connectNamespace()) };
    const lines = this.staging ? stagingLogs(this.context, at, tail) : appLogs(at, { follow: this.follow, tail });
    try {
      for await (const { value, text } of lines) this.context.out(this.output === "json" ? JSON.stringify(value) : text);
      return 0;
    } catch (error) {
      // ^C is how one stops following, so it is not complained about.
      if (this.follow && this.context.signal.aborted) return 130;
      throw error;
    }
  }
}

import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppLogsCommand extends NamespacedCommand {
  static override paths = [["app", "logs"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "show what an app, or its staging, writes",
    details:
      "Every line begins with its instance; those of one instance are in order. -f goes on over restarts of the app and of davit. With `-o json` every line is an object of its own. `--staging` shows the newest push; while that runs, to its end.",
    examples: [
      ["The last 50 lines, then what comes", "davit app logs shop -f --tail 50"],
      ["The last quarter of an hour", "davit app logs shop --since 15m"],
      ["Why the instances before these ended", "davit app logs shop --previous"],
      ["The output of the newest build", "davit app logs shop --staging"],
    ],
  });

  name = Option.String({ name: "NAME" });
  follow = Option.Boolean("-f,--follow", false, { description: "go on until ^C" });
  staging = Option.Boolean("--staging", false, { description: "the newest push's log instead of the app's" });
  tail = Option.String("--tail", { description: "<N> only the last N lines of each instance" });
  since = Option.String("--since", { description: "<DURATION|TIME> only what was written since, e.g. 15m or 2026-01-31T08:00:00Z" });
  previous = Option.Boolean("--previous", false, { description: "what was written before the last restart" });

  protected override async run(): Promise<number> {
    const [{ appLogs, stagingLogs }, { checkName }, flags] = await Promise.all([
      import("../../report/logs.ts"),
      import("../../push/name.ts"),
      import("../../flags.ts"),
    ]);
    const app = checkName(this.name);
    const { staging, previous, follow } = this;
    flags.checkTogether({ "--staging": staging, "--previous": previous }, "a build has no instances");
    flags.checkTogether({ "--staging": staging, "--since": this.since !== undefined }, "the log of a build is shown whole; --tail shortens it");
    flags.checkTogether({ "--previous": previous, "--follow": follow }, "what has ended writes nothing more");
    const tail = this.tail === undefined ? undefined : flags.parseWhole("--tail", this.tail, 0, 100_000);
    const since = this.since === undefined ? undefined : flags.parseSince("--since", this.since, Date.now());
    const at = { app, ...(await this.connectNamespace()) };
    const lines = staging ? stagingLogs(this.context, at, tail) : appLogs(this.context, at, { follow, previous, tail, since });
    try {
      for await (const { value, text } of lines) this.context.out(this.output === "json" ? JSON.stringify(value) : text);
      return 0;
    } catch (error) {
      // ^C is how one stops following, so it is not complained about.
      if (follow && this.context.signal.aborted) return 130;
      throw error;
    }
  }
}

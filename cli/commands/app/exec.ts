import { Command, Option } from "clipanion";
import { Fault } from "#shared/fault";
import { NamespacedCommand } from "../../command.ts";

export class AppExecCommand extends NamespacedCommand {
  static override paths = [["app", "exec"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "run a command, or a shell, in an instance of an app",
    details:
      "At a terminal the command gets one too; otherwise stdin, stdout and stderr are passed on as they are. The command's exit code is davit's. Without --instance: the newest that is ready. When the davit agent is restarted, open sessions end.",
    examples: [
      ["A shell", "davit app exec shop"],
      ["A command, its output into a file", "davit app exec shop -- cat /app/data.json > data.json"],
      ["Something into it", "davit app exec shop -- psql < dump.sql"],
      ["A certain instance, as `davit app logs` calls it", "davit app exec shop --instance 6d5f8c9b-x7k2p -- ps"],
    ],
  });

  name = Option.String({ name: "NAME" });
  command = Option.Rest({ name: "CMD" });
  instance = Option.String("--instance", { description: "<INSTANCE> run it there" });

  /* What is printed is the command's, so there is nothing to choose. */
  override output = Option.String("-o,--output", "text", { hidden: true });

  protected override outputs(): readonly string[] {
    return ["text"];
  }

  protected override async run(): Promise<number> {
    const [{ checkName }, { exec }] = await Promise.all([import("../../push/name.ts"), import("../../exec/exec.ts")]);
    const app = checkName(this.name);
    if (this.instance !== undefined) checkInstance(this.instance);
    const { connection, namespace } = await this.connectNamespace();
    return await exec(this.context, connection, { namespace, app, instance: this.instance, command: this.command });
  }
}

function checkInstance(name: string): void {
  if (/^[a-z0-9][-.a-z0-9]{0,252}$/.test(name)) return;
  throw new Fault("usage", "--instance is an instance as `davit app logs` calls it, such as 6d5f8c9b-x7k2p", { details: { flag: "--instance" } });
}

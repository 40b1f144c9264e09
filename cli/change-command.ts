import { Option } from "clipanion";
import { NamespacedCommand } from "./command.ts";
import type { Change } from "./push/change.ts";

/** A command that changes an app, and follows the change to its end as a push is followed. */
export abstract class ChangeCommand extends NamespacedCommand {
  wait = Option.Boolean("--wait", true, { description: "wait for the end (default); --no-wait returns once the change is accepted" });
  timeout = Option.String("--timeout", { description: "<DURATION> wait no longer than this, e.g. 90s, 10m; the change itself goes on" });
  override output = Option.String("-o,--output", "text", {
    description: "<text|json|events> what stdout gets; json is one object, the result, events are a line of JSON each",
  });

  protected override outputs(): readonly string[] {
    return ["text", "json", "events"];
  }

  /** What the command line asks for. @throws Fault usage, name_invalid */
  protected abstract change(): Promise<Change>;

  protected override async run(): Promise<number> {
    const { changeCommand } = await import("./push/change.ts");
    const way = { kubeconfig: this.kubeconfig, context: this.kubeContext, server: this.server };
    return await changeCommand(this.context, () => this.change(), this, way);
  }
}

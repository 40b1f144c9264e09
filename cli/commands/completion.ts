import { Command, Option } from "clipanion";
import { Fault } from "#shared/fault";
import { BaseCommand } from "../command.ts";

export class CompletionCommand extends BaseCommand {
  static override paths = [["completion"]];
  static override usage = Command.Usage({
    category: "Help",
    description: "print what makes a shell complete davit's command lines",
    details:
      "Commands and options are completed by davit itself; for the names of apps, namespaces and configurations it asks the agent, for a second at most.",
    examples: [
      ["bash, in ~/.bashrc", 'eval "$(davit completion bash)"'],
      ["zsh, in ~/.zshrc after compinit", "source <(davit completion zsh)"],
      ["fish, once", "davit completion fish > ~/.config/fish/completions/davit.fish"],
    ],
  });

  shell = Option.String({ name: "bash|zsh|fish" });

  protected override async run(): Promise<number> {
    const { completionScript, SHELLS } = await import("../completion/scripts.ts");
    const script = completionScript(this.shell);
    if (script === undefined) throw new Fault("usage", `completion is for ${SHELLS.join(", ")}, not '${this.shell}'`);
    this.context.out(script.trimEnd());
    return 0;
  }
}

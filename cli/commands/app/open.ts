import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppOpenCommand extends NamespacedCommand {
  static override paths = [["app", "open"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "open an app's URL in the browser",
    details: "Prints the URL. The browser is opened when stdout is a terminal and there is one.",
    examples: [
      ["Look at it", "davit app open shop"],
      ["Only the URL, for a script", "davit app open shop --print"],
    ],
  });

  name = Option.String({ name: "NAME" });
  onlyPrint = Option.Boolean("--print", false, { description: "print the URL, open nothing" });

  protected override async run(): Promise<number> {
    const [{ checkName }, { openInBrowser }] = await Promise.all([import("../../push/name.ts"), import("../../report/browser.ts")]);
    const app = checkName(this.name);
    const { client, namespace } = await this.connectNamespace();
    const { url } = await client.showApp({ namespace, app });
    if (url === null) {
      const { Fault } = await import("#shared/fault");
      throw new Fault("no_url", `the app '${app}' has no URL`, { details: { app, namespace } });
    }
    this.print({ url }, () => url);
    const seen = (this.context.stdout as { isTTY?: boolean }).isTTY === true;
    if (seen && !this.onlyPrint && this.output === "text") openInBrowser(url, this.context.env);
    return 0;
  }
}

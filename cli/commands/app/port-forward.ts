import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class AppPortForwardCommand extends NamespacedCommand {
  static override paths = [["app", "port-forward"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "reach ports of an app from this machine, until ^C",
    details:
      "Without PORT: the app's own, at any local port that is free; the first line says which. Every connection goes to an instance that is ready then. Connections that are open end when their instance does, and when the davit agent is restarted; new ones can be made at once.",
    examples: [
      ["The app itself", "davit app port-forward shop"],
      ["Port 9229 of the app as the same here, and 8080 as 3000", "davit app port-forward shop 9229 3000:8080"],
      ["For other machines too", "davit app port-forward shop 3000:8080 --address 0.0.0.0"],
    ],
  });

  name = Option.String({ name: "NAME" });
  ports = Option.Rest({ name: "[LOCAL:]PORT" });
  address = Option.String("--address", "127.0.0.1", { description: "<ADDRESS> where to listen on this machine (default: 127.0.0.1)" });

  protected override async run(): Promise<number> {
    const [{ checkName }, { checkAddress, parseForward }, { forward }] = await Promise.all([
      import("../../push/name.ts"),
      import("../../forward/ports.ts"),
      import("../../forward/forward.ts"),
    ]);
    const app = checkName(this.name);
    const address = checkAddress(this.address);
    const forwards = this.ports.map(parseForward);
    const { connection, namespace } = await this.connectNamespace();
    const host = address.includes(":") ? `[${address}]` : address;
    await forward(this.context, connection, { namespace, app, address, forwards }, (listening) =>
      this.print(listening, () => listening.map(({ local, remote }) => `${host}:${local} -> port ${remote} of ${app}`)),
    );
    return 130;
  }
}

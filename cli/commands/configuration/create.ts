import { Command, Option } from "clipanion";
import { NamespacedCommand } from "../../command.ts";

export class ConfigurationCreateCommand extends NamespacedCommand {
  static override paths = [["configuration", "create"]];
  static override usage = Command.Usage({
    category: "Configurations",
    description: "make a configuration: a named set of values for apps",
    details:
      "An app that it is bound to finds each value in the file /configurations/NAME/KEY, and short text also in the variable NAME_KEY. Values on the command line end in the shell's history and in everyone's list of processes; secrets are better read from a file or from stdin.",
    examples: [
      ["Two values", "davit configuration create mail HOST=mx.example.com PORT=25"],
      ["A secret from stdin", "davit configuration create database USER=shop --stdin PASSWORD < password-file"],
      ["Files, which need not be text", "davit configuration create tls --from-file tls.crt=server.crt --from-file tls.key=server.key"],
    ],
  });

  name = Option.String({ name: "NAME" });
  pairs = Option.Rest({ name: "K=V" });
  fromFile = Option.Array("--from-file", [], { description: "<K=FILE> a value that is a file's content; may be repeated" });
  envFile = Option.String("--env-file", { description: "<FILE> values from a dotenv file" });
  fromStdin = Option.String("--stdin", { description: "<K> read this value from stdin; one newline at its end is left out" });

  protected override async run(): Promise<number> {
    const { checkConfiguration, readValues } = await import("../../configuration/values.ts");
    const configuration = checkConfiguration(this.name);
    const values = await readValues(this.context, this);
    const { client, namespace } = await this.connectNamespace();
    const made = await client.putConfiguration({ namespace, configuration, body: { create: true, id: crypto.randomUUID(), values } });
    this.print(
      made.configuration,
      ({ keys }) => `configuration ${configuration} made${keys.length > 0 ? ` with ${keys.join(", ")}` : ", without values"}`,
    );
    return 0;
  }
}

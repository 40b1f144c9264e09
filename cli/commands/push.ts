import { Command, Option } from "clipanion";
import { BaseCommand } from "../command.ts";

export class PushCommand extends BaseCommand {
  static override paths = [["push"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "run the source in this folder at a URL",
    details:
      "Takes the folder's files, builds them with the Dockerfile at their top, and runs the image in the cluster. Ends when the new version answers at its URL; until then, and if anything goes wrong, the version before keeps serving. An interrupted push is resumed by running it again.",
    examples: [
      ["The folder you are in", "davit push"],
      ["Another folder, two variables, two instances", "davit push --name shop --path ./shop --env LOG=debug --env MODE=demo --instances 2"],
      ["In CI: one JSON object as the result", "davit push --name shop -o json --timeout 10m"],
      ["Follow a push that runs already", "davit push --attach --name shop"],
    ],
  });

  appName = Option.String("--name", { description: "<NAME> the app's name (default: davit.yml's, else the folder's)" });
  sourcePath = Option.String("--path", { description: "<DIR> the source (default: this folder)" });
  namespace = Option.String("-n,--namespace", { description: "<NAME> namespace (default: $DAVIT_NAMESPACE, the login's, or 'apps')" });
  route = Option.Array("--route", [], { description: "<HOST[/PATH]> where the app answers; may be repeated" });
  env = Option.Array("--env", [], { description: "<K=V> an environment variable, beside those it has; may be repeated" });
  envFile = Option.String("--env-file", { description: "<FILE> variables from a dotenv file; --env wins" });
  instances = Option.String("--instances", { description: "<N> how many instances run" });
  port = Option.String("--port", { description: "<PORT> where the app listens; it is told in $PORT" });
  buildArg = Option.Array("--build-arg", [], { description: "<K=V> an ARG for the Dockerfile; may be repeated" });
  rebuild = Option.Boolean("--rebuild", false, { description: "build even what was built before" });
  yes = Option.Boolean("--yes", false, { description: "agree to everything beforehand" });
  dryRun = Option.Boolean("--dry-run", false, { description: "show what would be done, do nothing" });
  wait = Option.Boolean("--wait", true, { description: "wait for the end (default); --no-wait returns once the push is accepted" });
  timeout = Option.String("--timeout", { description: "<DURATION> wait no longer than this, e.g. 90s, 10m; the push itself goes on" });
  attach = Option.Boolean("--attach", false, { description: "follow the app's running or last push" });

  override output = Option.String("-o,--output", "text", {
    description: "<FORMAT> text, json (one object, the result) or events (a line of JSON each)",
  });

  protected override outputs(): readonly string[] {
    return ["text", "json", "events"];
  }

  protected override async run(): Promise<number> {
    const { pushCommand } = await import("../push/command.ts");
    const way = { kubeconfig: this.kubeconfig, context: this.kubeContext, server: this.server };
    return await pushCommand(this.context, { ...this, name: this.appName, path: this.sourcePath }, way);
  }
}

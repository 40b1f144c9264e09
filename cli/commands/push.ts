import { Command, Option } from "clipanion";
import { AgentCommand } from "../command.ts";

export class PushCommand extends AgentCommand {
  static override paths = [["push"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "run source code at a URL: a folder, a git repository or an image",
    details:
      "Takes the folder's files, builds them with the Dockerfile at their top, and runs the image in the cluster. Ends when the new version answers at its URL; until then, and if anything goes wrong, the version before keeps serving. An interrupted push is resumed by running it again.\n\nWhat flags leave open is read from MANIFEST: a file, or a folder with a davit.yml (default: the folder that is pushed); what that leaves open stays as the app has it. A manifest with several apps pushes them in order; --name takes one.",
    examples: [
      ["The folder you are in", "davit push"],
      ["Another folder, two variables, two instances", "davit push --name shop --path ./shop --env LOG=debug --env MODE=demo --instances 2"],
      ["All apps of a manifest, or one of them", "davit push deploy/davit.yml --name shop"],
      ["A branch of a git repository, or a ready image", "davit push --name shop --git https://git.example.com/team/shop,main"],
      ["In CI: one JSON object as the result", "davit push --name shop -o json --timeout 10m"],
      ["Follow a push that runs already", "davit push --attach --name shop"],
    ],
  });

  manifest = Option.String({ name: "MANIFEST", required: false });
  appName = Option.String("--name", { description: "<NAME> the app's name (default: the manifest's, else the folder's)" });
  sourcePath = Option.String("--path", {
    description: "<PATH> the source: a folder, or an archive (.tar, .tar.gz, .tar.zst, .zip); default: this folder",
  });
  git = Option.String("--git", { description: "<URL[,REVISION]> the source: a repository, and a branch, tag or commit of it" });
  gitCredential = Option.String("--git-credential", { description: "<NAME> the namespace's git credential for --git" });
  image = Option.String("--image", { description: "<IMAGE> run a ready image, build nothing" });
  namespace = Option.String("-n,--namespace", {
    description: "<NAME> namespace (default: the manifest's, $DAVIT_NAMESPACE, the login's, or 'apps')",
  });
  route = Option.Array("--route", [], { description: "<HOST[/PATH]> where the app answers; may be repeated" });
  noRoute = Option.Boolean("--no-route", false, { description: "the app answers nowhere" });
  env = Option.Array("--env", [], { description: "<K=V> an environment variable, beside those it has; may be repeated" });
  envFile = Option.String("--env-file", { description: "<FILE> variables from a dotenv file; --env wins" });
  unsetEnv = Option.Array("--unset-env", [], { description: "<NAME> take an environment variable away; may be repeated" });
  bind = Option.Array("--bind", [], { description: "<CONFIGURATION> bind it, beside those that are bound; may be repeated" });
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
    description: "<text|json|events> what stdout gets; json is one object, the result, events are a line of JSON each",
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

import { Command, Option } from "clipanion";
import { ChangeCommand } from "../../change-command.ts";

export class AppUpdateCommand extends ChangeCommand {
  static override paths = [["app", "update"]];
  static override usage = Command.Usage({
    category: "Apps",
    description: "change an app's settings without pushing it",
    details:
      "What is not named stays. Instances are replaced, once, when the environment, the port or the configurations change, and stay when only routes or their number do.",
    examples: [
      ["Two routes, one with a path", "davit app update shop --route shop.example.com --route example.com/shop"],
      ["Reachable from inside the cluster only", "davit app update shop --no-route"],
      ["Several settings, one restart", "davit app update shop --instances 3 --env LOG=info --unset-env DEBUG --bind mail"],
    ],
  });

  name = Option.String({ name: "NAME" });
  route = Option.Array("--route", [], { description: "<HOST[/PATH]> where the app answers, instead of where it does; may be repeated" });
  noRoute = Option.Boolean("--no-route", false, { description: "the app answers nowhere" });
  env = Option.Array("--env", [], { description: "<K=V> an environment variable, beside those it has; may be repeated" });
  envFile = Option.String("--env-file", { description: "<FILE> variables from a dotenv file; --env wins" });
  unsetEnv = Option.Array("--unset-env", [], { description: "<NAME> take an environment variable away; may be repeated" });
  bind = Option.Array("--bind", [], { description: "<CONFIGURATION> bind it, beside those that are bound; may be repeated" });
  unbind = Option.Array("--unbind", [], { description: "<CONFIGURATION> take it away; may be repeated" });
  instances = Option.String("--instances", { description: "<N> how many instances run" });
  port = Option.String("--port", { description: "<PORT> where the app listens; it is told in $PORT" });

  protected override async change() {
    const [{ checkName }, { readUpdate }] = await Promise.all([import("../../push/name.ts"), import("../../push/update.ts")]);
    return { app: checkName(this.name), doing: "changing", request: readUpdate(this, this.context.cwd) };
  }
}

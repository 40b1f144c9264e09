import { Command, Option } from "clipanion";
import type { Kube } from "#shared/kube/client";
import { ClusterCommand } from "../command.ts";

const KEYS = ["signing-key", "registry"] as const;

/** `davit rotate`: replaces a key of the installation while pushes and pulls go on. */
export class RotateCommand extends ClusterCommand {
  static override paths = [["rotate"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "replace a key while pushes and pulls go on",
    details:
      "signing-key: the key that signs the registry's credentials, and with it every pull secret; registry: the same, for that is what nodes and builds log in with. The new key is good before anything works with it, and the old one is dropped after the last that works with it has ended. Interrupted, it goes on when it is run again.",
    examples: [["The key that signs the registry's credentials", "davit rotate signing-key"]],
  });

  what = Option.String({ name: "signing-key|registry" });
  grace = Option.String("--grace", "30s", { description: "<DURATION> how long a pull that is under way may still need the old key" });
  timeout = Option.String("--timeout", "30m", { description: "<DURATION> how long to wait for pushes that began before" });

  protected override async run(): Promise<number> {
    const [{ rotateSigningKey }, { parseDuration }] = await Promise.all([import("../rotate/signing-key.ts"), import("../flags.ts")]);
    const graceMs = parseDuration("--grace", this.grace);
    const late = AbortSignal.timeout(parseDuration("--timeout", this.timeout));
    const { context } = this;
    await this.checkWhat();
    const kube = await this.kube();
    if (this.what === "registry") await this.refuseExternal(kube);
    const options = { graceMs, signal: AbortSignal.any([context.signal, late]), tell: (line: string) => context.err(line) };
    const result = await rotateSigningKey(kube, options);
    this.print(result, ({ kid }) => `the key ${kid} signs now, and no other is accepted`);
    return 0;
  }

  private async checkWhat(): Promise<void> {
    if ((KEYS as readonly string[]).includes(this.what)) return;
    const { Fault } = await import("#shared/fault");
    throw new Fault("usage", `rotate is for ${KEYS.join(", ")}, not '${this.what}'`);
  }

  private async refuseExternal(kube: Kube): Promise<void> {
    const [{ installedOptions }, { Fault }] = await Promise.all([import("../install/installed.ts"), import("#shared/fault")]);
    if (!(await installedOptions(kube)).registry) return;
    const next = "give `davit install --registry-user NAME --registry-password-stdin` the new login, then take the old one back there";
    throw new Fault("usage", `the registry of this installation is external, and gives out its own logins: ${next}`);
  }
}

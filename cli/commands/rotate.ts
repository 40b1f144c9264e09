import { Command, Option } from "clipanion";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { ClusterCommand } from "../command.ts";
import type { SaidPlaces } from "../places-command.ts";
import type { Rotating } from "../rotate/reestablish.ts";

const WHAT = ["ca", "s3", "registry", "signing-key"] as const;
type What = (typeof WHAT)[number];

/** `davit rotate`: replaces a key of the installation while pushes and pulls go on. */
export class RotateCommand extends ClusterCommand {
  static override paths = [["rotate"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "replace a key while pushes and pulls go on",
    details:
      "ca: davit's own CA, and every certificate that it signed; s3: the key of the S3 store; registry: what builds and nodes log in with; signing-key: the same for the built-in registry. The new one is good before anything works with it, and the old one is dropped after the last that works with it has ended. Interrupted, it goes on when it is run again. The login of an external place is made there and given to davit.",
    examples: [
      ["The key of the built-in S3 store", "davit rotate s3"],
      ["The key that signs the registry's credentials", "davit rotate signing-key"],
    ],
  });

  what = Option.String({ name: WHAT.join("|") });
  s3KeyStdin = Option.Boolean("--s3-access-key-stdin", false, {
    description: "of an external S3 store, the new access key and secret key are two lines on stdin",
  });
  s3KeyFile = Option.String("--s3-access-key-file", { description: "<FILE> or in a file" });
  registryUser = Option.String("--registry-user", { description: "<NAME> of an external registry, who pushes there from now on, and pulls" });
  registryPasswordStdin = Option.Boolean("--registry-password-stdin", false, { description: "the password is on stdin" });
  registryPasswordFile = Option.String("--registry-password-file", { description: "<FILE> or in a file" });
  registryPullUser = Option.String("--registry-pull-user", { description: "<NAME> who pulls for the nodes instead" });
  registryPullPasswordFile = Option.String("--registry-pull-password-file", { description: "<FILE> with that one's password" });
  nodesReady = Option.Boolean("--nodes-ready", false, {
    description: "of a CA, where nodes are yours to keep: they trust what `davit doctor --print-trust` prints",
  });
  grace = Option.String("--grace", "30s", { description: "<DURATION> how long a pull that is under way may still need the old key" });
  timeout = Option.String("--timeout", "30m", { description: "<DURATION> how long to wait for pushes that began before" });

  protected override async run(): Promise<number> {
    const { parseDuration } = await import("../flags.ts");
    const what = this.checkWhat();
    const graceMs = parseDuration("--grace", this.grace);
    const late = AbortSignal.timeout(parseDuration("--timeout", this.timeout));
    const said = await this.saidLogins();
    const kube = await this.kube();
    const rotating = { signal: AbortSignal.any([this.context.signal, late]), tell: (line: string) => this.context.err(line) };
    switch (what) {
      case "ca":
        await this.rotateCa(kube, rotating);
        return 0;
      case "s3":
        await this.rotateS3(kube, said, rotating);
        return 0;
      case "registry":
      case "signing-key":
        await this.rotateRegistry(kube, said, { ...rotating, graceMs }, what);
        return 0;
    }
  }

  private async rotateCa(kube: Kube, rotating: Rotating): Promise<void> {
    const [{ rotateCa }, { prepareRotation }] = await Promise.all([import("../rotate/ca.ts"), import("../rotate/prepare.ts")]);
    const result = await rotateCa(kube, await prepareRotation(kube), { ...rotating, nodesReady: this.nodesReady });
    this.print(result, ({ ca, before }) => [
      `the CA ${ca} signs now`,
      `the one before, ${before}, is trusted until the next change, and signs nothing`,
    ]);
  }

  private async rotateS3(kube: Kube, { s3, given }: SaidPlaces, rotating: Rotating): Promise<void> {
    const [{ rotateS3Key }, { rotateLogin }, { prepareRotation }] = await Promise.all([
      import("../rotate/s3-key.ts"),
      import("../rotate/external-login.ts"),
      import("../rotate/prepare.ts"),
    ]);
    const prepared = await prepareRotation(kube, { s3, given });
    if (prepared.options.s3) {
      await rotateLogin(kube, prepared, "s3", rotating);
      this.print({ place: prepared.options.s3.endpoint }, ({ place }) => `the new key of ${place} is used; take the old one back there`);
      return;
    }
    this.print(await rotateS3Key(kube, prepared, rotating), ({ accessKey }) => `the S3 store takes the key ${accessKey}, and no other`);
  }

  private async rotateRegistry(
    kube: Kube,
    { registry, given }: SaidPlaces,
    rotating: Rotating & { graceMs: number },
    what: "registry" | "signing-key",
  ): Promise<void> {
    const [{ installedOptions }, { rotateSigningKey }, { checkGiven, prepareRotation }] = await Promise.all([
      import("../install/installed.ts"),
      import("../rotate/signing-key.ts"),
      import("../rotate/prepare.ts"),
    ]);
    const installed = await installedOptions(kube);
    if (what === "signing-key" || !installed.registry) {
      checkGiven(given, installed);
      this.print(await rotateSigningKey(kube, rotating), ({ kid }) => `the key ${kid} signs now, and no other is accepted`);
      return;
    }
    const { rotateLogin } = await import("../rotate/external-login.ts");
    const prepared = await prepareRotation(kube, { registry, given });
    await rotateLogin(kube, prepared, "registry", rotating);
    this.print({ place: prepared.options.registry?.host }, ({ place }) => `the new login of ${place} is used; take the old one back there`);
  }

  /** @throws Fault usage */
  private async saidLogins(): Promise<SaidPlaces> {
    const { readPlaces } = await import("../install/said-places.ts");
    return await readPlaces(this.context, {
      s3: { keyStdin: this.s3KeyStdin, keyFile: this.s3KeyFile, iam: false },
      registry: {
        user: this.registryUser,
        passwordStdin: this.registryPasswordStdin,
        passwordFile: this.registryPasswordFile,
        pullUser: this.registryPullUser,
        pullPasswordFile: this.registryPullPasswordFile,
      },
    });
  }

  private checkWhat(): What {
    const what = WHAT.find((one) => one === this.what);
    if (what) return what;
    throw new Fault("usage", `rotate is for ${WHAT.join(", ")}, not '${this.what}'`, { details: { command: "rotate" } });
  }
}

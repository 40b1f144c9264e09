import { dirname, resolve } from "node:path";
import { Command, Option } from "clipanion";
import { ImageRef, UserName } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Credentials } from "#shared/oci/authorize";
import { VERSION } from "#shared/version";
import { BaseCommand } from "../command.ts";
import { isFolder } from "../manifest/find.ts";
import { readStdin } from "../stdin.ts";

const category = "Install";

/** `davit image save FILE`: the agent's image, made from this executable, as an OCI archive. */
export class ImageSaveCommand extends BaseCommand {
  static override paths = [["image", "save"]];
  static override usage = Command.Usage({
    category,
    description: "write the agent's image to a file",
    details: "The image is made by this executable from itself: the agent in the cluster is never another version than the davit that installed it.",
    examples: [["For a cluster's own image store", "davit image save davit.tar --tag registry.example.com/davit:0.1.0"]],
  });

  file = Option.String({ name: "FILE" });
  tag = Option.String("--tag", `davit:${VERSION}`, { description: "<NAME> the image's name in the archive" });

  protected async run(): Promise<number> {
    const [{ withAgentImage }, { writeArchive }] = await Promise.all([import("../image/agent-image.ts"), import("#shared/oci/archive")]);
    checkTag(this.tag);
    const file = resolve(this.context.cwd, this.file);
    if (!isFolder(dirname(file)) || isFolder(file)) throw new Fault("usage", `${this.file} cannot be written: give a file in a folder that is there`);
    const digest = await withAgentImage(async (image) => {
      await writeArchive(file, image, this.tag).catch((error: unknown) => {
        throw new Fault("usage", `${this.file} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      });
      return image.manifest.digest;
    });
    this.print({ image: this.tag, digest, file }, () => `${this.tag} written to ${this.file}`);
    return 0;
  }
}

function checkTag(tag: string): void {
  const parsed = ImageRef.safeParse(tag);
  if (!parsed.success) throw new Fault("usage", `--tag ${parsed.error.issues[0]?.message}`);
}

/** `davit image push REF`: the agent's image, straight to a registry. */
export class ImagePushCommand extends BaseCommand {
  static override paths = [["image", "push"]];
  static override usage = Command.Usage({
    category,
    description: "push the agent's image to a registry",
    examples: [["With a login", "davit image push registry.example.com/davit:0.1.0 --user ci --password-stdin"]],
  });

  reference = Option.String({ name: "REF" });
  user = Option.String("--user", { description: "<NAME> user at the registry; the password is read from stdin" });
  passwordStdin = Option.Boolean("--password-stdin", false, { description: "read the password from stdin" });
  caFile = Option.String("--ca-file", { description: "<FILE> PEM of CAs to trust beside the usual ones" });
  insecureHttp = Option.Boolean("--insecure-http", false, { description: "talk plain HTTP to the registry" });

  protected async run(): Promise<number> {
    const [{ withAgentImage }, { pushImage }, { parseReference }] = await Promise.all([
      import("../image/agent-image.ts"),
      import("../image/push-image.ts"),
      import("../image/reference.ts"),
    ]);
    const reference = parseReference(this.reference);
    const options = { ...(await this.trust()), ...(await this.credentials()), insecureHttp: this.insecureHttp, signal: this.context.signal };
    const digest = await withAgentImage((image) => pushImage(image, reference, { ...options, say: (line) => this.context.err(line) }));
    const name = `${reference.host}/${reference.repository}:${reference.tag}`;
    this.print({ image: name, digest }, () => `${name}@${digest}`);
    return 0;
  }

  private async credentials(): Promise<{ credentials?: Credentials }> {
    if (this.user === undefined && !this.passwordStdin) return {};
    if (this.user === undefined || !this.passwordStdin)
      throw new Fault("usage", "--user and --password-stdin belong together: a password on the command line is seen by everybody on this machine");
    const user = UserName.safeParse(this.user);
    if (!user.success) throw new Fault("usage", `--user ${user.error.issues[0]?.message}`);
    return { credentials: { user: user.data, password: (await readStdin(this.context)).toString("utf8") } };
  }

  private async trust(): Promise<{ ca?: string }> {
    if (this.caFile === undefined) return {};
    const { readCaFile } = await import("../access/ca-file.ts");
    return { ca: readCaFile(resolve(this.context.cwd, this.caFile)) };
  }
}

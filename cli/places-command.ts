import { Option } from "clipanion";
import { ClusterCommand } from "./command.ts";
import type { RegistryFlags, S3Flags } from "./install/external.ts";
import type { Given } from "./install/places.ts";

/** What is said of an external S3 store and an external registry. */
export interface SaidPlaces {
  s3: S3Flags;
  registry: RegistryFlags;
  given: Given;
}

/** A command that takes an external S3 store or an external registry. */
export abstract class PlacesCommand extends ClusterCommand {
  s3Endpoint = Option.String("--s3-endpoint", { description: "<URL> an S3 store of your own instead of the built-in one" });
  s3Bucket = Option.String("--s3-bucket", { description: "<NAME> its bucket, which davit has for itself; made if it is not there" });
  s3Region = Option.String("--s3-region", { description: "<NAME> its region (default: us-east-1)" });
  pathStyle = Option.Boolean("--path-style", { description: "its URLs are ENDPOINT/BUCKET, not BUCKET.ENDPOINT: MinIO, Ceph, Versity" });
  s3Ca = Option.String("--s3-ca", { description: "<FILE> the CA of its certificate (PEM), if that is not a public one" });
  s3KeyStdin = Option.Boolean("--s3-access-key-stdin", false, { description: "its access key and secret key are two lines on stdin" });
  s3KeyFile = Option.String("--s3-access-key-file", { description: "<FILE> or in a file" });
  s3Secret = Option.String("--s3-secret", { description: "<NAME> or in a Secret of the namespace davit: accessKey and secretKey" });
  s3Iam = Option.Boolean("--s3-iam", false, { description: "or the cluster's provider gives the agent a role" });
  registry = Option.String("--registry", { description: "<HOST[/PREFIX]> a registry of your own instead of the built-in one" });
  registryCa = Option.String("--registry-ca", { description: "<FILE> the CA of its certificate (PEM), if that is not a public one" });
  registryUser = Option.String("--registry-user", { description: "<NAME> who pushes there, and pulls" });
  registryPasswordStdin = Option.Boolean("--registry-password-stdin", false, { description: "the password is on stdin" });
  registryPasswordFile = Option.String("--registry-password-file", { description: "<FILE> or in a file" });
  registryPullUser = Option.String("--registry-pull-user", { description: "<NAME> who pulls for the nodes instead" });
  registryPullPasswordFile = Option.String("--registry-pull-password-file", { description: "<FILE> with that one's password" });
  registrySecret = Option.String("--registry-secret", {
    description: "<NAME> all of that in a Secret of the namespace davit: user, password, pullUser, pullPassword",
  });

  /** @throws Fault usage */
  protected async saidPlaces(): Promise<SaidPlaces> {
    const { readPlaces } = await import("./install/said-places.ts");
    return await readPlaces(this.context, {
      s3: {
        endpoint: this.s3Endpoint,
        bucket: this.s3Bucket,
        region: this.s3Region,
        pathStyle: this.pathStyle,
        caFile: this.s3Ca,
        keyStdin: this.s3KeyStdin,
        keyFile: this.s3KeyFile,
        secret: this.s3Secret,
        iam: this.s3Iam,
      },
      registry: {
        place: this.registry,
        caFile: this.registryCa,
        user: this.registryUser,
        passwordStdin: this.registryPasswordStdin,
        passwordFile: this.registryPasswordFile,
        pullUser: this.registryPullUser,
        pullPasswordFile: this.registryPullPasswordFile,
        secret: this.registrySecret,
      },
    });
  }
}

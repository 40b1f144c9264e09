import { IamAwsProvider } from "minio";
import { Credentials } from "minio/dist/esm/Credentials.mjs";

/** As the providers of both give it. */
interface RoleKey {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

/** A key with less than this to live is not used any more: a presigned URL ends with the key that signed it. */
const SPARE_MS = 5 * 60_000;

/**
 * The key of the role that the cluster's provider gives the Pod: by web identity, by the endpoint of its container (EKS
 * Pod Identity is one), else its node's. minio's own provider knows the first, and reads the others' answers wrongly.
 */
export class RoleProvider extends IamAwsProvider {
  #key: RoleKey | undefined;

  constructor() {
    super({});
  }

  override async getCredentials(): Promise<Credentials> {
    if (process.env["AWS_WEB_IDENTITY_TOKEN_FILE"]) return await super.getCredentials();
    if (!this.#key || isEnding(this.#key)) this.#key = await askForKey();
    const { accessKeyId, secretAccessKey, sessionToken } = this.#key;
    return new Credentials({ accessKey: accessKeyId, secretKey: secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
  }
}

/** Loads what only an agent with a role needs, not what every agent would start with. */
async function askForKey(): Promise<RoleKey> {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: full, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative } = process.env;
  if (full || relative) return await (await import("@aws-sdk/credential-provider-http")).fromHttp()();
  return await (await import("@smithy/credential-provider-imds")).fromInstanceMetadata()();
}

function isEnding({ expiration }: RoleKey): boolean {
  return expiration !== undefined && expiration.getTime() - Date.now() < SPARE_MS;
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type RegistryKey, registryKeyOf } from "#shared/registry/key";
import { KEY_FILE } from "#shared/registry/signing-key";
import { Secret } from "#shared/secret";
import { pause } from "#shared/within";
import type { Log } from "../log.ts";

/** Kubelet brings a changed Secret into the Pod within about a minute; looking more often than that costs two small reads. */
const LOOK_MS = 2000;

/** The keys in a folder, as the Secret davit-registry-key is mounted, kept current. */
export class KeyFolder implements RegistryKey {
  readonly #folder: string;
  #text: string;
  #key: RegistryKey;

  private constructor(folder: string, text: string, key: RegistryKey) {
    this.#folder = folder;
    this.#text = text;
    this.#key = key;
  }

  static async open(folder: string): Promise<KeyFolder> {
    const secrets = await readSecrets(folder);
    return new KeyFolder(folder, textOf(secrets), await registryKeyOf(...secrets));
  }

  get kid(): string {
    return this.#key.kid;
  }

  get sign(): CryptoKey {
    return this.#key.sign;
  }

  get verify(): RegistryKey["verify"] {
    return this.#key.verify;
  }

  get jwks(): RegistryKey["jwks"] {
    return this.#key.jwks;
  }

  /** Takes the keys from their files again; true when they had changed. */
  async reload(): Promise<boolean> {
    const secrets = await readSecrets(this.#folder);
    const text = textOf(secrets);
    if (text === this.#text) return false;
    this.#key = await registryKeyOf(...secrets);
    this.#text = text;
    return true;
  }

  /** Keeps the keys current until `signal` aborts. */
  async follow(log: Log, signal: AbortSignal, onChange: () => void = () => undefined): Promise<void> {
    for (; !signal.aborted; await pause(LOOK_MS, signal)) {
      try {
        if (!(await this.reload())) continue;
        log("the signing keys were changed", { kid: this.kid, accepted: this.jwks.keys.length });
        onChange();
      } catch (error) {
        log("the signing keys could not be read", { error });
      }
    }
  }
}

async function readSecrets(folder: string): Promise<[Secret, ...Secret[]]> {
  const signing = new Secret(await readFile(join(folder, KEY_FILE.signs), "utf8"));
  const accepted = await readFile(join(folder, KEY_FILE.accepted), "utf8").catch(() => undefined);
  return accepted === undefined ? [signing] : [signing, new Secret(accepted)];
}

function textOf(secrets: readonly Secret[]): string {
  return secrets.map((secret) => secret.reveal()).join("\n");
}

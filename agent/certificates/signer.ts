import { certificatesIn, isKeyOf } from "#shared/tls/certificate";
import { type KeyPair, leafIsDue, newLeaf } from "#shared/tls/signing";
import { decoded, encoded, type TlsData } from "./tls-data.ts";

type Signing = "agent" | "self";

/** Signs with the CA's key, or has a certificate vouch for itself. */
export class Signer {
  readonly #authority: KeyPair;
  /** By names, certificate and key: each is checked once. */
  readonly #due = new Map<string, Date>();

  constructor(authority: KeyPair) {
    this.#authority = authority;
  }

  /** `present` while it is good for these names, a new one otherwise. */
  async keep(names: string[], by: Signing, present: TlsData | undefined, now = new Date()): Promise<TlsData> {
    if (present && (await this.due(names, by, present)) > now) return present;
    const leaf = await newLeaf(by === "self" ? undefined : this.#authority, { names }, now);
    return encoded(leaf, by === "self" ? leaf.certificate : this.#authority.certificate);
  }

  /** When it has to be made anew. */
  async due(names: string[], by: Signing, data: TlsData): Promise<Date> {
    const key = [...names, by, data["tls.crt"], data["tls.key"]].join();
    const known = this.#due.get(key);
    if (known) return known;
    const { certificate, key: own } = decoded(data);
    const [leaf] = certificatesIn(certificate);
    const due =
      leaf && isKeyOf(own, leaf) ? await leafIsDue(certificate, by === "self" ? certificate : this.#authority.certificate, { names }) : new Date(0);
    this.#due.set(key, due);
    return due;
  }
}

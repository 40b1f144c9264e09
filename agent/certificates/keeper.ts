import { CA_ISSUER, issuedBy, TLS_SECRET } from "#shared/certificates";
import { hasStatus } from "#shared/kube/fault";
import type { V1Ingress, V1OwnerReference, V1Secret } from "#shared/kube/objects";
import { certificatesIn, namesOf } from "#shared/tls/certificate";
import type { Deps } from "../deps.ts";
import { OWN_LABELS } from "../objects/meta.ts";
import { CERTIFICATE, certificateOf, isOrdered, isReady } from "./cert-manager.ts";
import { type Copy, nameOfCopy, servedWith, tlsOf } from "./ingress-tls.ts";
import { HOME, type Seen } from "./seen.ts";
import { Signer } from "./signer.ts";
import { decoded, holds, type TlsData } from "./tls-data.ts";
import { isShared, type Wanted, wantedFor } from "./wanted.ts";

/** Not the one of deployments, which leave alone what is set under another. */
const MANAGER = "davit-certificates";
const INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress" };
const SECRET = { apiVersion: "v1", kind: "Secret" };

/** Brings single objects to what they should be; each may be done again at any time. */
export class Keeper {
  readonly #deps: Pick<Deps, "kube" | "config" | "log">;
  readonly #seen: Seen;
  readonly #signer: Signer;
  /** Certificates of single hosts in the namespaces of their apps, as last read or written. */
  readonly #copies = new Map<string, V1Secret>();
  /** Of those, what has to be read again. */
  readonly #stale = new Set<string>();
  /** What cert-manager made of a single host's, and of which of its tries. */
  readonly #issued = new Map<string, { revision: number; data: TlsData }>();

  constructor(deps: Pick<Deps, "kube" | "config" | "log">, seen: Seen) {
    this.#deps = deps;
    this.#seen = seen;
    this.#signer = new Signer(deps.config.authority);
  }

  /** The certificate for a host of an app; undefined when there can be none. A Gateway knows the one that is shared. */
  choose(host: string): Wanted | undefined {
    const { gateway, installation } = this.#deps.config;
    const [given] = certificatesIn(decoded(this.#own(TLS_SECRET.given) ?? {}).certificate);
    const wanted = wantedFor(host, installation, given ? namesOf(given) : []);
    return gateway && wanted && !isShared(wanted.secret) ? undefined : wanted;
  }

  /** What an app's namespace has under this name. */
  copy(namespace: string, secret: string): TlsData | undefined {
    const found = isShared(secret) ? this.#seen.secrets.get(namespace, secret) : this.#copies.get(`${namespace}/${secret}`);
    return found?.data;
  }

  /** A Secret of davit's own. */
  async keepOwn({ secret, names, maker }: Wanted): Promise<void> {
    if (maker.by === "cert-manager" || !this.#seen.secrets.isCurrent(HOME, secret)) return;
    const present = this.#own(secret);
    const data = maker.by === "given" ? this.#own(TLS_SECRET.given) : await this.#signer.keep(names, maker.by, present);
    if (!data || holds(present, data)) return;
    const annotations = issuedBy(maker.by === "agent" ? CA_ISSUER : `davit-${maker.by}`);
    this.#seen.secrets.expect(await this.#write(HOME, secret, data, { annotations }));
    this.#deps.log("a certificate was made", { secret, names });
  }

  /** An order to cert-manager. */
  async order(wanted: Wanted): Promise<void> {
    const { maker, secret } = wanted;
    if (maker.by !== "cert-manager" || !this.#seen.certificates.isCurrent(HOME, secret)) return;
    const certificate = certificateOf(HOME, wanted, maker);
    if (isOrdered(this.#seen.certificates.get(HOME, secret), certificate)) return;
    this.#seen.certificates.expect(await this.#deps.kube.apply(certificate));
    this.#deps.log("a certificate was ordered", { secret, names: wanted.names });
  }

  /** Takes an order back that nobody needs any more, and what came of it when that was for one host. */
  async cancel(secret: string): Promise<void> {
    await this.#deps.kube.remove({ ...CERTIFICATE, namespace: HOME, name: secret });
    if (secret.startsWith("tls-")) await this.#deps.kube.remove({ ...SECRET, namespace: HOME, name: secret });
    this.#issued.delete(secret);
  }

  /** The certificate of a single host, in the namespace of its app. @throws Error when somebody else has a Secret of that name there */
  async keepCopy(copy: Copy): Promise<void> {
    const { namespace, wanted, owners } = copy;
    const key = nameOfCopy(copy);
    const present = await this.#present(key, namespace, wanted.secret);
    if (present && present.metadata?.labels?.["app.kubernetes.io/managed-by"] !== "davit") throw new Error(`the Secret ${key} is not davit's`);
    const data = await this.#made(wanted, present?.data);
    if (!data) return;
    const same = present && holds(present.data, data) && sameOwners(present.metadata?.ownerReferences ?? [], owners);
    const written = same ? present : await this.#write(namespace, wanted.secret, data, owners.length > 0 ? { ownerReferences: owners } : {});
    this.#copies.set(key, written);
  }

  /** Has an Ingress name the Secrets that are there for its hosts. Tells whether that is a change. */
  async point(ingress: V1Ingress): Promise<boolean> {
    const { name = "", namespace = "", uid = "" } = ingress.metadata ?? {};
    const tls = tlsOf(ingress, (host) => {
      const secret = this.choose(host)?.secret;
      if (secret === undefined) return undefined;
      if (this.copy(namespace, secret)) return secret;
      // After a change of the issuer, the one that the host has serves on until the new one is there.
      const served = servedWith(ingress, host);
      return served === secret ? undefined : served;
    });
    if (Bun.deepEquals(tls, ingress.spec?.tls ?? []) || !this.#seen.ingresses.isCurrent(namespace, name)) return false;
    // With its uid, so that one that was deleted meanwhile is not made again.
    const wanted = { ...INGRESS, metadata: { name, namespace, uid }, spec: tls.length > 0 ? { tls } : {} };
    const written = await this.#deps.kube.apply<V1Ingress>(wanted, { manager: MANAGER }).catch(unlessGone);
    if (written) this.#seen.ingresses.expect(written);
    return written !== undefined;
  }

  /** When the first of these has to be made anew. */
  async nextDue(own: readonly Wanted[], copies: readonly Copy[]): Promise<number> {
    const all = [
      ...own.map((wanted) => ({ wanted, data: this.#own(wanted.secret) })),
      ...copies.map(({ namespace, wanted }) => ({ wanted, data: this.copy(namespace, wanted.secret) })),
    ];
    const dues = all.flatMap(({ wanted: { names, maker }, data }) =>
      data && (maker.by === "agent" || maker.by === "self") ? this.#signer.due(names, maker.by, data) : [],
    );
    return Math.min(...(await Promise.all(dues)).map(Number));
  }

  /** Forgets the copies that nobody wants any more: a namespace may be made again under its name. */
  retain(copies: readonly Copy[]): void {
    const wanted = new Set(copies.map(nameOfCopy));
    for (const key of this.#copies.keys()) if (!wanted.has(key)) this.#copies.delete(key);
  }

  /** What no watch tells of is read again at the next look. */
  doubt(): void {
    for (const key of this.#copies.keys()) this.#stale.add(key);
  }

  async #present(key: string, namespace: string, name: string): Promise<V1Secret | undefined> {
    const known = this.#copies.get(key);
    if (known && !this.#stale.has(key)) return known;
    const read = await this.#deps.kube.get<V1Secret>({ ...SECRET, namespace, name });
    this.#stale.delete(key);
    return read;
  }

  #own(secret: string): TlsData | undefined {
    return this.#seen.secrets.get(HOME, secret)?.data;
  }

  /** What the certificate of a single host is; undefined while there is none. */
  async #made({ secret, names, maker }: Wanted, present: TlsData | undefined): Promise<TlsData | undefined> {
    if (maker.by === "agent" || maker.by === "self") return await this.#signer.keep(names, maker.by, present);
    const certificate = this.#seen.certificates.get(HOME, secret);
    const revision = certificate?.status?.revision;
    if (revision === undefined || !isReady(certificate)) return this.#issued.get(secret)?.data;
    if (this.#issued.get(secret)?.revision !== revision) {
      const { data } = (await this.#deps.kube.get<V1Secret>({ ...SECRET, namespace: HOME, name: secret })) ?? {};
      if (data) this.#issued.set(secret, { revision, data });
    }
    return this.#issued.get(secret)?.data;
  }

  async #write(
    namespace: string,
    name: string,
    data: TlsData,
    more: { annotations?: Record<string, string>; ownerReferences?: V1OwnerReference[] },
  ): Promise<V1Secret> {
    const metadata = { name, namespace, labels: OWN_LABELS, ...more };
    return await this.#deps.kube.apply<V1Secret>({ ...SECRET, metadata, type: "kubernetes.io/tls", data }, { manager: MANAGER });
  }
}

function unlessGone(error: unknown): undefined {
  if (!hasStatus(error, 409) && !hasStatus(error, 404)) throw error;
}

function sameOwners(a: readonly V1OwnerReference[], b: readonly V1OwnerReference[]): boolean {
  const uids = (owners: readonly V1OwnerReference[]) => owners.map(({ uid }) => uid).sort();
  return Bun.deepEquals(uids(a), uids(b));
}

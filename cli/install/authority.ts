import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap, V1Secret } from "#shared/kube/objects";
import { certificatesIn, pemOf } from "#shared/tls/certificate";
import { newAuthority } from "#shared/tls/signing";
import type { IssuerChoice } from "./issuer.ts";
import { type Data, decoded, pairData, secret } from "./made.ts";

const PRESENT = "davit-ca";
const NEXT = "davit-ca-next";
const NEXT_REF = { apiVersion: "v1", kind: "Secret", namespace: "davit", name: NEXT };
/** On a CA's Secret: it is not of davit's making. */
const GIVEN = "davit.dev/given";
const TRUST = { apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" };

/** A CA with its key, as a Secret's data. */
export interface Authority {
  data: Data;
  given: boolean;
}

/** davit's CA, and the one that takes its place once everybody trusts it. */
export interface Authorities {
  present: Authority;
  next?: Authority;
  /** PEM of all that are trusted: those two, and the one before. */
  trusted: string;
}

/** What there is, the first CA made if need be, and the next one kept until it is the present one, whatever happens meanwhile. */
export async function settleAuthorities(kube: Kube, choice: IssuerChoice | undefined, given: Data | undefined): Promise<Authorities> {
  const present = (await read(kube, PRESENT)) ?? (await keep(kube, PRESENT, await first(given)));
  const pending = await read(kube, NEXT);
  const successor = successorOf(present, pending, choice, given);
  const next = successor === "own" ? { data: pairData(await newAuthority()), given: false } : successor;
  if (next) await write(kube, NEXT, next);
  const before = (await kube.get<V1ConfigMap>(TRUST))?.data?.["ca.crt"] ?? "";
  return { present, ...(next ? { next } : {}), trusted: trusted([present, ...(next ? [next] : [])], before) };
}

/** Who takes the place of `present`: `next` where it has begun already, the admin's, or a new one of davit's own instead of the admin's. */
export function successorOf(
  present: Authority,
  next: Authority | undefined,
  choice: IssuerChoice | undefined,
  given: Data | undefined,
): Authority | "own" | undefined {
  if (given) return sameCa(given, present.data) ? undefined : { data: given, given: true };
  if (choice?.kind === "private-ca" && (next?.given ?? present.given)) return "own";
  return next && !sameCa(next.data, present.data) ? next : undefined;
}

/** Two at most: whoever was not there while one replaced the other has to look for himself. */
function trusted(authorities: readonly Authority[], before: string): string {
  const all = certificatesIn([...authorities.map(({ data }) => data["tls.crt"]), before].join("\n"));
  const different = all.filter((one, index) => all.findIndex((other) => other.fingerprint256 === one.fingerprint256) === index);
  return pemOf(different.slice(0, 2));
}

/** Makes the CA that is to take the place of davit's own, unless there is one already. Tells whether there was. @throws Fault usage when there is none and the present one is not of davit's making */
export async function announceNext(kube: Kube): Promise<boolean> {
  if (await read(kube, NEXT)) return true;
  if ((await read(kube, PRESENT))?.given)
    throw new Fault(
      "usage",
      "the CA of this installation is one that you brought, so davit cannot make the next one: bring it with `davit install --issuer byo --ca-cert FILE --ca-key FILE`, which replaces it in the same way",
    );
  return (await kube.create(secretOf(NEXT, { data: pairData(await newAuthority()), given: false }))) === undefined;
}

/** To be called when everybody trusts both. */
export async function succeed(kube: Kube, next: Authority): Promise<void> {
  await write(kube, PRESENT, next);
}

/** The succession is over: until then it is what tells that there is one. */
export async function forgetNext(kube: Kube): Promise<void> {
  if (await read(kube, NEXT)) await kube.remove(NEXT_REF);
}

function sameCa(a: Data, b: Data): boolean {
  const [one, other] = [certificatesIn(a["tls.crt"] ?? "")[0], certificatesIn(b["tls.crt"] ?? "")[0]];
  return one !== undefined && one.fingerprint256 === other?.fingerprint256;
}

async function first(given: Data | undefined): Promise<Authority> {
  return given ? { data: given, given: true } : { data: pairData(await newAuthority()), given: false };
}

async function read(kube: Kube, name: string): Promise<Authority | undefined> {
  const found = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name });
  if (!found) return undefined;
  return { data: decoded(found), given: found.metadata?.annotations?.[GIVEN] === "true" };
}

/** Of two installs at once, one makes it and both use it. */
async function keep(kube: Kube, name: string, authority: Authority): Promise<Authority> {
  await kube.create(secretOf(name, authority));
  return (await read(kube, name)) ?? authority;
}

async function write(kube: Kube, name: string, authority: Authority): Promise<void> {
  await kube.apply(secretOf(name, authority));
}

function secretOf(name: string, { data, given }: Authority): V1Secret {
  const object = secret(name, "kubernetes.io/tls", data);
  return { ...object, metadata: { ...object.metadata, annotations: { [GIVEN]: String(given) } } };
}

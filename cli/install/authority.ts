import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap, V1Pod, V1Secret } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
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
const STAGING_PODS = { apiVersion: "v1", kind: "Pod", namespace: "davit-staging" };

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
  else if (pending) await kube.remove(NEXT_REF);
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

/** To be called when everybody trusts both. */
export async function succeed(kube: Kube, next: Authority): Promise<void> {
  await write(kube, PRESENT, next);
  await kube.remove(NEXT_REF);
}

/** Has kubelet bring what changed into Pods that build at once, instead of within a minute. */
export async function refreshBuilds(kube: Kube, trustedNow: string): Promise<void> {
  const digest = new Bun.CryptoHasher("sha256").update(trustedNow).digest("hex").slice(0, 16);
  for (const { metadata } of await kube.list<V1Pod>(STAGING_PODS)) {
    const body = { metadata: { annotations: { "davit.dev/trust": digest } } };
    const path = pathOf({ ...STAGING_PODS, name: metadata?.name });
    await (await kube.fetch(path, { method: "PATCH", contentType: "application/merge-patch+json", body })).body?.cancel();
  }
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

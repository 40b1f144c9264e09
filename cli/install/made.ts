import { createHmac } from "node:crypto";
import { CA_ISSUER, issuedBy, ownNames, TLS_SECRET } from "#shared/certificates";
import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1Secret } from "#shared/kube/objects";
import { KEY_FILE, newSigningKey } from "#shared/registry/signing-key";
import { Secret } from "#shared/secret";
import { type KeyPair, newLeaf } from "#shared/tls/signing";
import type { Authorities } from "./authority.ts";
import { externalRegistryOf, hasBuiltInRegistry, OWN_NAMESPACES, type Places } from "./components.ts";
import { hostOf, type InstallOptions } from "./options.ts";
import { type Given, loginSecrets } from "./places.ts";
import { type Facts, labelled } from "./plan.ts";
import { PROXY_SECRET, proxyData } from "./proxy.ts";
import { newS3Key, random, S3_ACCOUNTS, S3_KEY, USERS_FILE, usersOf } from "./s3-accounts.ts";
import { publicCas, trusting } from "./trust-ca.ts";

/** What install makes and the Pods mount. */
export interface Made {
  /** First certificates and public data, to be applied. What must never change is in the cluster already. */
  objects: KubeObject[];
  startedWith: Facts["startedWith"];
  /** PEM. */
  ca: string;
}

/** What the cluster has already. */
export interface Grounds {
  /** Of the built-in one, where there is one. */
  registryAddress: string;
  authorities: Authorities;
  /** Ranges of the Pods' addresses. */
  podCidrs: readonly string[];
}

/** A Secret's, in clear. */
export type Data = Record<string, string>;

/** The Secrets that are made once and the leafs, of an installation with these options. */
export function madeSecrets(options: Leafed): string[] {
  return ["davit-ca", ...(options.s3 ? [] : [S3_KEY, S3_ACCOUNTS]), "davit-registry-key", ...leafsOf(options).map((leaf) => TLS_SECRET[leaf])];
}

const LEAFS = ["agent", "agentInside", "s3", "registry", "registryPublic", "wildcard"] as const;

type Leafed = Places & Pick<InstallOptions, "gateway" | "nodeTrust">;

/** A Gateway's listener cannot be without the one for `*.DOMAIN`; an ingress waits until the agent has made it. */
function leafsOf(options: Leafed) {
  const needless = {
    agent: false,
    agentInside: false,
    s3: options.s3 !== undefined,
    registry: !hasBuiltInRegistry(options),
    registryPublic: options.nodeTrust !== "public",
    wildcard: !options.gateway,
  };
  return LEAFS.filter((leaf) => !needless[leaf]);
}

/** Makes what is missing: the S3 store's keys and the registry's signing key once and for ever, and a first certificate for each server. */
export async function makeSecrets(kube: Kube, options: InstallOptions, given: Given, grounds: Grounds): Promise<Made> {
  const { registryAddress, authorities, podCidrs } = grounds;
  const { data: ca } = authorities.present;
  const authority = { certificate: ca["tls.crt"] ?? "", key: new Secret(ca["tls.key"] ?? "") };
  const s3 = options.s3 ? { key: {}, accounts: {} } : await makeS3Keys(kube);
  const registry = await once(kube, "davit-registry-key", "Opaque", async () => ({
    [KEY_FILE.signs]: (await newSigningKey()).reveal(),
    httpSecret: random(30),
  }));
  const names = ownNames(hostOf(options.domain), registryAddress);
  const leafs = await Promise.all(leafsOf(options).map((name) => firstLeaf(kube, TLS_SECRET[name], authority, names[name])));
  const logins = loginSecrets(given).map(({ name, data }) => secret(name, "Opaque", data));
  const brought = given.certificate ? [secret(TLS_SECRET.given, "kubernetes.io/tls", given.certificate)] : [];
  const proxy = await proxyData(kube, given.proxy, podCidrs);
  const trusted = trustFiles(authorities.trusted, options);
  return {
    objects: [...leafs.flat(), ...logins, ...brought, ...(proxy ? [secret(PROXY_SECRET, "Opaque", proxy)] : []), ...trust(trusted)],
    startedWith: {
      agent: [
        ...Object.values(trusted),
        s3.key.accessKey,
        // The hash of it can be read by whoever sees the Pod: without a key, a weak password could be guessed from it.
        createHmac("sha256", registry.httpSecret ?? "")
          .update(await externalLogins(kube, options, given))
          .update(JSON.stringify(proxy ?? {}))
          .digest("hex"),
      ].join(),
      s3: s3.accounts.rootAccessKey ?? "",
      registry: "",
      "node-trust": [trusted["registry.crt"], trusted["former-registry.crt"]].join(),
    },
    ca: authority.certificate,
  };
}

/** The agent's key, and the accounts that the store takes, of which one is the agent's. */
async function makeS3Keys(kube: Kube): Promise<{ key: Data; accounts: Data }> {
  const key = await once(kube, S3_KEY, "Opaque", async () => newS3Key());
  const { accessKey: rootAccessKey, secretKey: rootSecretKey } = newS3Key();
  const accounts = await once(kube, S3_ACCOUNTS, "Opaque", async () => ({ rootAccessKey, rootSecretKey, [USERS_FILE]: usersOf([key]) }));
  return { key, accounts };
}

/**
 * Who vouches for what: davit's own CA, and those of the S3 store and the registry, which are empty where public CAs do;
 * and for all else that davit and builds call the admin's CAs, by themselves and with the public ones.
 */
function trustFiles(ca: string, options: InstallOptions): Data {
  const { s3, registry, formerRegistry, trustCa } = options;
  const former = formerRegistry === "built-in" ? ca : formerRegistry?.ca;
  return {
    "ca.crt": ca,
    "s3.crt": s3 ? trusting(s3, options).ca : ca,
    "registry.crt": registry ? trusting(registry, options).ca : ca,
    ...(trustCa ? { "extra.crt": trustCa, "public.crt": publicCas(options) } : {}),
    ...(former === undefined ? {} : { "former-registry.crt": former }),
  };
}

/** For everybody who talks to S3 or the registry. */
function trust(files: Data): KubeObject[] {
  return OWN_NAMESPACES.map((namespace) => configMap(namespace, "davit-trust", files));
}

/** What the agent reads at its start of the logins for external places. */
async function externalLogins(kube: Kube, options: InstallOptions, given: Given): Promise<string> {
  const { s3 } = options;
  const registry = externalRegistryOf(options);
  const ofS3 = s3?.secret ? (given.s3 ?? (await readSecret(kube, s3.secret))) : {};
  const ofRegistry = registry?.secret ? (given.registry ?? (await readSecret(kube, registry.secret))) : {};
  return JSON.stringify([ofS3, ofRegistry]);
}

/** One object of each kind and namespace that `makeSecrets` reads or writes, for asking whether one may. */
export function madeKinds(): KubeObject[] {
  return [secret("davit-ca", "Opaque", {}), ...trust({})];
}

/** The Secret's data, made now if there is none; of two installs at once, one makes it and both use it. */
async function once(kube: Kube, name: string, type: string, make: () => Promise<Data>): Promise<Data> {
  const present = await readSecret(kube, name);
  if (present) return present;
  await kube.create(secret(name, type, await make()));
  return (await readSecret(kube, name)) ?? {};
}

/** So that nothing waits for whoever issues it from then on: the agent sees to that. */
async function firstLeaf(kube: Kube, name: string, authority: KeyPair, names: string[]): Promise<V1Secret[]> {
  if (await readSecret(kube, name)) return [];
  const made = await newLeaf(authority, { names });
  const object = secret(name, "kubernetes.io/tls", { ...pairData(made), "ca.crt": authority.certificate });
  return [{ ...object, metadata: { ...object.metadata, annotations: issuedBy(CA_ISSUER) } }];
}

export async function readSecret(kube: Kube, name: string): Promise<Data | undefined> {
  const found = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name });
  return found && decoded(found);
}

export function decoded(found: V1Secret): Data {
  return Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]));
}

export function secret(name: string, type: string, data: Data): V1Secret {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
  return labelled({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "davit" }, type, data: encoded });
}

function configMap(namespace: string, name: string, data: Data): KubeObject {
  return labelled({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data } as KubeObject);
}

export function pairData(pair: KeyPair): Data {
  return { "tls.crt": pair.certificate, "tls.key": pair.key.reveal() };
}

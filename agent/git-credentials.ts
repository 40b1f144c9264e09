import { GitCredential, type GitCredentialSummary, type Source } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { GIT_CREDENTIAL, gitCredentialSecret } from "./objects/meta.ts";

export type GitSource = Extract<Source, { kind: "git" }>;
/** A credential as it is kept: there is a password in it. */
export type NamedCredential = GitCredential & { name: string };

export async function listGitCredentials(kube: Kube, namespace: string): Promise<GitCredentialSummary[]> {
  return (await readAll(kube, namespace)).map(({ secret, credential }) => summarize(credential, secret));
}

/** @throws Fault credential_exists, unless it is the very same */
export async function createGitCredential(kube: Kube, namespace: string, name: string, given: GitCredential): Promise<GitCredentialSummary> {
  const credential = { ...given, name };
  const created = await kube.create(secretOf(namespace, credential));
  if (created) return summarize(credential, created);
  const present = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name: gitCredentialSecret(name) });
  // The answer to a request that is repeated was lost on its way.
  if (present && JSON.stringify(credentialOf(present)) === JSON.stringify(credentialOf(secretOf(namespace, credential))))
    return summarize(credential, present);
  throw new Fault("credential_exists", `there is a git credential '${name}' in namespace '${namespace}' already`, {
    details: { credential: name, namespace },
  });
}

/** @throws Fault credential_not_found */
export async function deleteGitCredential(kube: Kube, namespace: string, name: string): Promise<void> {
  await need(kube, namespace, name);
  await kube.remove({ apiVersion: "v1", kind: "Secret", namespace, name: gitCredentialSecret(name) });
}

/**
 * The credential for a source: the one it names, or the only one that the namespace has for its host.
 * @throws Fault credential_not_found; usage when the named one is for another host, or none of several is named
 */
export async function pickCredential(kube: Kube, namespace: string, { url, credential }: GitSource): Promise<NamedCredential | undefined> {
  const { host } = new URL(url);
  if (credential !== undefined) {
    const named = await need(kube, namespace, credential);
    if (named.host === host) return named;
    throw new Fault("usage", `the git credential '${credential}' is for ${named.host} and is sent to no other host, such as ${host}`);
  }
  const fitting = (await readAll(kube, namespace)).map((found) => found.credential).filter((found) => found.host === host);
  if (fitting.length > 1) throw new Fault("usage", `say which git credential for ${host} is meant: ${fitting.map(({ name }) => name).join(", ")}`);
  return fitting[0];
}

async function need(kube: Kube, namespace: string, name: string): Promise<NamedCredential> {
  const secret = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name: gitCredentialSecret(name) });
  const credential = secret && credentialOf(secret);
  if (credential) return credential;
  throw new Fault("credential_not_found", `there is no git credential '${name}' in namespace '${namespace}'`, {
    details: { credential: name, namespace },
  });
}

async function readAll(kube: Kube, namespace: string): Promise<{ secret: V1Secret; credential: NamedCredential }[]> {
  const secrets = await kube.list<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace }, { labels: GIT_CREDENTIAL });
  const found = secrets.flatMap((secret) => {
    const credential = credentialOf(secret);
    return credential ? [{ secret, credential }] : [];
  });
  return found.sort((a, b) => (a.credential.name < b.credential.name ? -1 : 1));
}

function secretOf(namespace: string, { name, host, username, password, ca }: NamedCredential): V1Secret {
  const values: Record<string, string> = { host, username, password, ...(ca ? { ca } : {}) };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: gitCredentialSecret(name), namespace, labels: { "app.kubernetes.io/managed-by": "davit", [GIT_CREDENTIAL]: name } },
    type: "kubernetes.io/basic-auth",
    data: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
  };
}

/* Nothing for a Secret that somebody else has labelled, or edited so that it is no credential any more. */
function credentialOf({ metadata, data = {} }: V1Secret): NamedCredential | undefined {
  const name = metadata?.labels?.[GIT_CREDENTIAL];
  const values = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
  const credential = GitCredential.safeParse(values).data;
  return name !== undefined && credential && metadata?.name === gitCredentialSecret(name) ? { ...credential, name } : undefined;
}

function summarize({ name, host, username }: NamedCredential, { metadata }: V1Secret): GitCredentialSummary {
  return { name, host, username, createdAt: String(metadata?.creationTimestamp ?? "") };
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { type Done, davit, kube, type RunOptions } from "#test/lab";

/** Somebody with a role in one namespace, logged in to the agent through its Ingress, and nothing else: no kubeconfig. */
export interface Member extends Disposable {
  token: string;
  /** The environment of this person's machine. */
  env: Record<"XDG_CONFIG_HOME" | "XDG_CACHE_HOME" | "KUBECONFIG", string>;
  davit(args: readonly string[], options?: RunOptions): Promise<Done>;
}

/** Where people reach the agent, and the CA that signed its certificate. */
export interface Door {
  url: string;
  ca: string;
}

export async function door(): Promise<Door> {
  const api = await kube();
  const ingress = await api.get<KubeObject & { spec: { rules: { host: string }[] } }>({
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    namespace: "davit",
    name: "davit-agent",
  });
  const trust = await api.get<KubeObject & { data: Record<string, string> }>({
    apiVersion: "v1",
    kind: "ConfigMap",
    namespace: "davit",
    name: "davit-trust",
  });
  const { port } = new URL(`https://${process.env.DAVIT_DOMAIN ?? "none"}`);
  return { url: new URL(`https://${ingress?.spec.rules[0]?.host}:${port || 443}`).origin, ca: trust?.data["ca.crt"] ?? "" };
}

/** A token of a new ServiceAccount that may do nothing yet. */
export async function stranger(namespace: string, name: string, audiences?: string[]): Promise<string> {
  const api = await kube();
  await api.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
  const request = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 600, ...(audiences ? { audiences } : {}) },
  };
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  return (await api.json<{ status: { token: string } }>(path, { method: "POST", body: request })).status.token;
}

/** A new person with `role` in `namespace`, logged in. */
export async function member(namespace: string, role: "davit-developer" | "davit-viewer", name: string = role): Promise<Member> {
  const api = await kube();
  const token = await stranger(namespace, name);
  await api.create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name, namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  } as KubeObject);
  await untilBound(api, namespace, name);
  const machine = mkdtempSync(join(tmpdir(), "davit-member-"));
  const env = { XDG_CONFIG_HOME: join(machine, "config"), XDG_CACHE_HOME: join(machine, "cache"), KUBECONFIG: "" };
  const person: Member = {
    token,
    env,
    davit: (args, options = {}) => davit(args, { ...options, env: { ...env, ...options.env } }),
    [Symbol.dispose]: () => rmSync(machine, { recursive: true, force: true }),
  };
  const done = await logIn(person, token);
  if (done.code !== 0) throw new Error(`the login failed: ${done.stderr}`);
  return person;
}

/** `davit login -o json` with a token, as this person. */
export async function logIn(person: Pick<Member, "davit" | "env">, token: string): Promise<Done> {
  const { url, ca } = await door();
  const file = `${person.env.XDG_CONFIG_HOME}.crt`;
  writeFileSync(file, ca);
  return await person.davit(["login", url, "--token-stdin", "--ca-file", file, "-o", "json"], { stdin: `${token}\n` });
}

/** The API server acts on a new role binding only a moment after it was made. */
async function untilBound(api: Kube, namespace: string, name: string): Promise<void> {
  for (let allowed = false; !allowed; ) {
    const review = await api.json<{ status: { allowed: boolean } }>("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      method: "POST",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: `system:serviceaccount:${namespace}:${name}`,
          resourceAttributes: { group: "davit.dev", resource: "apps", verb: "list", namespace },
        },
      },
    });
    allowed = review.status.allowed;
  }
}

import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { sha256 } from "#shared/pack";
import type { RegistryKey } from "#shared/registry/key";
import { readFetchToken } from "./fetch-token.ts";

/** Who calls. */
export interface Caller {
  user: string;
  groups: string[];
  uid?: string;
  extra?: Record<string, string[]>;
  /** A fetch Job: it may bring a source to this namespace, and nothing else anywhere. */
  fetchesFor?: string;
}

export type Verb = "get" | "list" | "create" | "update" | "delete";
/** The virtual resources of davit.dev that roles speak of. */
export type Resource = "apps" | "apps/logs" | "apps/exec" | "namespaces" | "garbage";

/** A token that was found good is not asked about again for so long; a revoked one works this much longer at most. */
const TRUST_MS = 10_000;
const MAX_REMEMBERED = 1000;

/** Checks tokens and rights with the API server: davit has no users and no roles of its own. */
export class Auth {
  readonly #kube: Kube;
  readonly #key: RegistryKey;
  readonly #known = new Map<string, { caller: Caller; until: number }>();

  constructor(kube: Kube, key: RegistryKey) {
    this.#kube = kube;
    this.#key = key;
  }

  /** @throws Fault not_logged_in, token_rejected */
  async authenticate(request: Request): Promise<Caller> {
    // Through the API server's proxy the token has a header of its own: the API server keeps Authorization for itself.
    const token = request.headers.get("x-davit-token") ?? /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (!token) throw new Fault("not_logged_in", "the request has no token");
    const fetching = await readFetchToken(this.#key, token);
    if (fetching) return { user: `davit:fetch:${fetching.namespace}/${fetching.revision}`, groups: [], fetchesFor: fetching.namespace };
    const key = sha256(token);
    const known = this.#known.get(key);
    if (known && known.until > Date.now()) return known.caller;
    const caller = await this.#review(token);
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(key, { caller, until: Date.now() + TRUST_MS });
    return caller;
  }

  /** @throws Fault forbidden naming what the caller lacks */
  async authorize(caller: Caller, verb: Verb, resource: Resource, namespace?: string, name?: string): Promise<void> {
    if (await this.allows(caller, verb, resource, namespace, name)) return;
    const where = namespace ? ` in namespace '${namespace}'` : "";
    throw new Fault("forbidden", `${caller.user} may not ${verb} ${resource}.davit.dev${where}`, {
      details: { user: caller.user, verb, resource: `${resource}.davit.dev`, namespace: namespace ?? "" },
    });
  }

  async allows(caller: Caller, verb: Verb, resource: Resource, namespace?: string, name?: string): Promise<boolean> {
    if (caller.fetchesFor !== undefined) return false;
    const [plural, subresource] = resource.split("/");
    const review = await this.#kube.json<{ status?: { allowed?: boolean } }>("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      method: "POST",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: caller.user,
          groups: caller.groups,
          uid: caller.uid,
          extra: caller.extra,
          resourceAttributes: { group: "davit.dev", version: "v1alpha1", resource: plural, subresource, verb, namespace, name },
        },
      },
    });
    return review.status?.allowed === true;
  }

  async #review(token: string): Promise<Caller> {
    const review = await this.#kube.json<{
      status?: { authenticated?: boolean; user?: { username: string; groups?: string[]; uid?: string; extra?: Record<string, string[]> } };
    }>("/apis/authentication.k8s.io/v1/tokenreviews", {
      method: "POST",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } },
    });
    const { authenticated, user } = review.status ?? {};
    if (!authenticated || !user) throw new Fault("token_rejected", "the token is not valid, or no longer");
    return {
      user: user.username,
      groups: user.groups ?? [],
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.extra ? { extra: user.extra } : {}),
    };
  }
}

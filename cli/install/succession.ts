import { isOwn, type Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { untilNone } from "#shared/kube/watch";
import { type Authorities, settleAuthorities, succeed } from "./authority.ts";
import type { IssuerChoice } from "./issuer.ts";
import { type Data, decoded } from "./made.ts";
import { clusterTime, pushesEnded } from "./pushes-ended.ts";
import { refreshFiles } from "./refresh-files.ts";

export interface Succession {
  choice: IssuerChoice | undefined;
  /** The CA that the admin brought with this command. */
  given?: Data | undefined;
  /** Brings everything to these CAs; resolves when it runs with them. */
  bringUp: (authorities: Authorities) => Promise<void>;
  /** Asked when davit's parts trust both CAs, before the next one signs. */
  mayFollow?: (() => void) | undefined;
  signal: AbortSignal;
  tell: (line: string) => void;
}

/**
 * Brings an installation under the CA that it is to have. Where that is another than the present one, everybody trusts both
 * first, and what began with the trust in one alone has ended, before the next one signs.
 */
export async function underItsAuthority(kube: Kube, { choice, given, bringUp, mayFollow, signal, tell }: Succession): Promise<Authorities> {
  const authorities = await settleAuthorities(kube, choice, given);
  await bringUp(authorities);
  if (!authorities.next) return authorities;
  await bothTrusted(kube, authorities.trusted, signal);
  tell("builds, nodes, namespaces and the agent trust both CAs");
  mayFollow?.();
  await pushesEnded(kube, await clusterTime(kube), signal);
  await succeed(kube, authorities.next);
  tell("the next CA is the present one");
  const after = await settleAuthorities(kube, choice, given);
  await bringUp(after);
  return after;
}

/** Agent and nodes have been started anew; these follow what is mounted or copied. */
async function bothTrusted(kube: Kube, trusted: string, signal: AbortSignal): Promise<void> {
  await refreshFiles(kube, "staging", "davit-staging");
  const copies = { apiVersion: "v1", kind: "Secret", name: "davit-trust" };
  // Somebody else's of that name stays as it is.
  await untilNone<V1Secret>(kube, copies, (copy) => isOwn(copy) && decoded(copy)["ca.crt"] !== trusted, { signal });
}

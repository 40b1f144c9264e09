import type { DavitHandlers } from "#shared/api";
import type { Deps } from "../deps.ts";
import type { Collector } from "../gc/collector.ts";
import type { Removals } from "../remove.ts";
import type { Runner } from "../runner.ts";
import type { Sync } from "../sync/sync.ts";
import type { Tenant, Tenants } from "../tenants.ts";
import type { Auth, Caller, Resource, Verb } from "./auth.ts";

/** What the endpoints work with. */
export interface Api {
  deps: Deps;
  tenants: Tenants;
  sync: Sync;
  runner: Runner;
  auth: Auth;
  collector: Collector;
  removals: Removals;
}

export type ApiHandlers = DavitHandlers<Caller>;

/** The tenant, once it is known that the caller may do that there. @throws Fault forbidden, namespace_not_found, namespace_unmanaged */
export async function admit(
  { auth, tenants }: Api,
  caller: Caller,
  verb: Verb,
  resource: Resource,
  namespace: string,
  name?: string,
): Promise<Tenant> {
  await auth.authorize(caller, verb, resource, namespace, name);
  return await tenants.need(namespace);
}

/** As {@link admit}, for the source of an app: a fetch Job may bring one too, to its own namespace. */
export async function admitSource({ auth, tenants }: Api, caller: Caller, namespace: string): Promise<Tenant> {
  if (caller.fetchesFor !== namespace) await auth.authorize(caller, "create", "apps", namespace);
  return await tenants.need(namespace);
}

/** The tenants whose apps the caller may list. */
export async function visibleTenants({ auth, tenants }: Api, caller: Caller): Promise<Tenant[]> {
  const all = tenants.list();
  const allowed = await Promise.all(all.map(({ name }) => auth.allows(caller, "list", "apps", name)));
  return all.filter((_, index) => allowed[index]);
}

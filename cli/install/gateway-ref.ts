import type { GatewayRef } from "#shared/gateway";
import { usage } from "./said-files.ts";

/** What was said wins over what is installed; empty: none, an ingress. @throws Fault usage */
export function resolveGateway(said: string | undefined, installed: GatewayRef | undefined): GatewayRef | undefined {
  if (said === undefined) return installed;
  if (said === "") return undefined;
  const [, namespace, name] = /^([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9.-]{0,252})$/.exec(said) ?? [];
  if (namespace === undefined || name === undefined) throw usage("--gateway", "--gateway takes NAMESPACE/NAME of a Gateway of the Gateway API");
  return { namespace, name };
}

import { EnvName } from "#shared/app";
import type { V1Secret } from "#shared/kube/objects";
import { CONFIGURATION, configurationSecret, LABEL, variablesSecret } from "./meta.ts";

/** Linux starts no program with a variable of more than 128 KiB, and few programs want one that is anywhere near. */
const MAX_VARIABLE_BYTES = 32 * 1024;
const MANAGED_BY = { "app.kubernetes.io/managed-by": "davit" };

/** A configuration as it is kept; `values` are base64, `id` says which request made it. */
export function configuration(namespace: string, name: string, values: Record<string, string>, id: string | undefined): V1Secret {
  const labels = { ...MANAGED_BY, [CONFIGURATION]: name, ...(id ? { [LABEL.request]: id } : {}) };
  return { apiVersion: "v1", kind: "Secret", metadata: { name: configurationSecret(name), namespace, labels }, type: "Opaque", data: values };
}

/** The configuration that a Secret is, if it is one. */
export function configurationOf(secret: V1Secret): string | undefined {
  const name = secret.metadata?.labels?.[CONFIGURATION];
  return name !== undefined && secret.metadata?.name === configurationSecret(name) ? name : undefined;
}

/**
 * Those of a configuration's values that can be variables of a Pod, in a Secret of their own that goes with the
 * configuration. With a value among them that cannot (not text, too long, no variable's name) a Pod would not start.
 */
export function variables(configuration: string, { metadata, data = {} }: V1Secret): V1Secret {
  const fit = Object.entries(data).filter(([key, value]) => EnvName.safeParse(variablePrefix(configuration) + key).success && isShortText(value));
  const owner = { apiVersion: "v1", kind: "Secret", name: metadata?.name ?? "", uid: metadata?.uid ?? "" };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: variablesSecret(configuration), namespace: metadata?.namespace ?? "", labels: MANAGED_BY, ownerReferences: [owner] },
    type: "Opaque",
    data: Object.fromEntries(fit),
  };
}

/** HOST of `mail` is MAIL_HOST. */
export function variablePrefix(configuration: string): string {
  return `${configuration.toUpperCase().replaceAll("-", "_")}_`;
}

function isShortText(base64: string): boolean {
  const bytes = Buffer.from(base64, "base64");
  return bytes.length <= MAX_VARIABLE_BYTES && !bytes.includes(0) && Buffer.from(bytes.toString()).equals(bytes);
}

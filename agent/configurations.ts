import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { CONFIGURATION, configurationSecret } from "./objects/meta.ts";

/** @throws Fault configuration_not_found naming the first that is not there */
export async function needConfigurations(kube: Kube, namespace: string, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => needConfiguration(kube, namespace, name)));
}

/** @throws Fault configuration_not_found */
export async function needConfiguration(kube: Kube, namespace: string, name: string): Promise<V1Secret> {
  const secret = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name: configurationSecret(name) });
  if (secret?.metadata?.labels?.[CONFIGURATION] === name) return secret;
  throw new Fault("configuration_not_found", `there is no configuration '${name}' in namespace '${namespace}'`, {
    details: { configuration: name, namespace },
  });
}

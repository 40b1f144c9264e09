import type { Kube } from "#shared/kube/client";
import type { Config } from "../config.ts";
import { builtInRegistry } from "./built-in.ts";
import { externalRegistry } from "./external.ts";
import type { ImageRegistry } from "./image-registry.ts";

/** The registry that the agent is configured with. */
export function openRegistry({ registry, ca, registryKey }: Config, kube: Kube): ImageRegistry {
  if (registry.kind === "external") return externalRegistry(registry.place, registry.pull, kube);
  return builtInRegistry({ host: registry.host, nodeHost: registry.nodeHost, ca, key: registryKey });
}

import { z } from "zod";
import type { Kube } from "#shared/kube/client";
import type { Config, RegistryConfig } from "../config.ts";
import { builtInRegistry } from "./built-in.ts";
import { externalRegistry } from "./external.ts";
import type { ImageRegistry } from "./image-registry.ts";

type Registries = Pick<Config, "registry" | "formerRegistry" | "ca" | "registryKey">;

/** The registry that the agent is configured with. After a migration, nodes get the login of the one before too. */
export function openRegistry(config: Registries, kube: Kube): ImageRegistry {
  const registry = open(config.registry, config, kube);
  return config.formerRegistry ? withLoginOf(open(config.formerRegistry, config, kube), registry) : registry;
}

function open(registry: RegistryConfig, { ca, registryKey }: Registries, kube: Kube): ImageRegistry {
  if (registry.kind === "external") return externalRegistry(registry.place, registry.pull, kube);
  return builtInRegistry({ host: registry.host, nodeHost: registry.nodeHost, ca, key: registryKey });
}

const DockerConfig = z.object({ auths: z.record(z.string(), z.unknown()) });

function withLoginOf(former: ImageRegistry, registry: ImageRegistry): ImageRegistry {
  return {
    ...registry,
    pullLogin: async (namespace) => {
      const logins = await Promise.all([former, registry].map((one) => one.pullLogin(namespace)));
      return {
        id: logins.map(({ id }) => id).join("-"),
        config: async () => {
          const configs = await Promise.all(logins.map(async ({ config }) => DockerConfig.parse(JSON.parse(await config()))));
          return JSON.stringify({ auths: Object.assign({}, ...configs.map(({ auths }) => auths)) });
        },
      };
    },
  };
}

import type { z } from "zod";
import { publicRegistry } from "#shared/certificates";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Service } from "#shared/kube/objects";
import { dockerConfig } from "#shared/oci/docker-config";
import type { RegistryPlace } from "#shared/places";
import { mintAgentCredential, mintBuildCredential } from "#shared/registry/credential";
import { registryKeyOf } from "#shared/registry/key";
import { KEY_FILE } from "#shared/registry/signing-key";
import { Secret } from "#shared/secret";
import { NODEPORT_SERVICE, REGISTRY } from "../install/components.ts";
import { readSecret } from "../install/made.ts";
import { nodePortHost } from "../install/node-trust.ts";
import type { InstallOptions } from "../install/options.ts";
import { registryPlace } from "../install/places.ts";

/** Nobody's: a repository of a namespace is `<namespace>/<app>`. */
export const REPOSITORY = "davit-doctor/probe";
/** As long as a probe may take. */
const SECONDS = 300;

type Place = z.input<typeof RegistryPlace>;

/** What one probe may do: push to one repository, pull from it, and delete there. */
export interface RegistryAccess {
  place: Place;
  remover?: Place["login"];
  /** What nodes call the place. */
  nodeName: string;
  /** Docker's config.json for kubelet. */
  pullConfig: Secret;
}

/** With the built-in registry, credentials for the one repository, for minutes; with another one, the logins that davit has. */
export async function registryAccess(kube: Kube, options: InstallOptions): Promise<RegistryAccess> {
  const { registry } = options;
  if (!registry) return await ownAccess(kube, options);
  const place = await registryPlace(kube, registry);
  const { pullUser, pullPassword } = (registry.secret && (await readSecret(kube, registry.secret))) || {};
  const { user, password } = pullUser ? { user: pullUser, password: pullPassword ?? "" } : (place.login ?? { user: "", password: "" });
  const nodeName = [registry.host, registry.prefix].filter(Boolean).join("/");
  return { place, nodeName, pullConfig: new Secret(user ? dockerConfig(registry.host, user, password) : JSON.stringify({ auths: {} })) };
}

async function ownAccess(kube: Kube, { nodeTrust, domain }: InstallOptions): Promise<RegistryAccess> {
  const jwk = (await readSecret(kube, "davit-registry-key"))?.[KEY_FILE.signs];
  if (!jwk) throw new Fault("preflight_failed", "the Secret davit/davit-registry-key, which signs the registry's credentials, is not there");
  const key = await registryKeyOf(new Secret(jwk));
  const may = (...actions: ("pull" | "delete")[]) => mintAgentCredential(key, { ttlSeconds: SECONDS, access: [{ repository: REPOSITORY, actions }] });
  const [push, remove, pull] = await Promise.all([
    mintBuildCredential(key, { repository: REPOSITORY, ttlSeconds: SECONDS }),
    may("pull", "delete"),
    may("pull"),
  ]);
  const nodeName = nodeTrust === "public" ? publicRegistry(domain) : (nodePortHost(await kube.get<V1Service>(NODEPORT_SERVICE)) ?? REGISTRY);
  return {
    nodeName,
    place: { host: REGISTRY, prefix: "", plainHttp: false, ca: "", login: { user: "build", password: push.reveal() } },
    remover: { user: "agent", password: remove.reveal() },
    pullConfig: new Secret(dockerConfig(nodeName, "agent", pull.reveal())),
  };
}

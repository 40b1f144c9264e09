import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { dockerConfig } from "#shared/oci/docker-config";
import type { Prepared } from "../install/install.ts";
import { decoded } from "../install/made.ts";
import { tryPlaces } from "../install/places.ts";
import { clusterTime, pushesEnded } from "../install/pushes-ended.ts";
import { pullSecretsAre } from "./pull-secrets.ts";
import { type Rotating, reestablish } from "./reestablish.ts";

const FLAGS = { s3: "--s3-access-key-stdin", registry: "--registry-user NAME --registry-password-stdin" } as const;

/**
 * Has davit use the new login of an external place, which the place has to take beside the old one until nothing works with that any more.
 * @throws Fault usage when none is given, preflight_failed when the place does not take it
 */
export async function rotateLogin(kube: Kube, prepared: Prepared, part: "s3" | "registry", rotating: Rotating): Promise<void> {
  const { signal, tell } = rotating;
  const { given, options } = prepared;
  if (!given[part])
    throw new Fault(
      "usage",
      `this installation's ${part === "s3" ? "S3 store" : "registry"} is external, and gives out its own logins: make a new one there, and give it with ${FLAGS[part]}`,
    );
  await tryPlaces(kube, prepared, signal);
  tell("the new login is good");
  await reestablish(kube, prepared, rotating);
  tell("the agent works with it");
  if (part === "registry" && options.registry) await nodesHaveIt(kube, options.registry.host, given.registry ?? {}, rotating);
  await pushesEnded(kube, await clusterTime(kube), signal);
  tell("nothing works with the old one any more");
}

/** What nodes log in with, where they have a login of their own. */
async function nodesHaveIt(
  kube: Kube,
  host: string,
  { user = "", password = "", pullUser = user, pullPassword = password }: Record<string, string>,
  { signal, tell }: Rotating,
): Promise<void> {
  const { auth } = JSON.parse(dockerConfig(host, pullUser, pullPassword)).auths[host];
  const namespaces = await pullSecretsAre(
    kube,
    (secret) => JSON.parse(decoded(secret)[".dockerconfigjson"] ?? "{}").auths?.[host]?.auth === auth,
    signal,
  );
  tell(`the pull secrets of ${namespaces} namespaces have it`);
}

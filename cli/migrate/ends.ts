import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap } from "#shared/kube/objects";
import { KEY_FILE } from "#shared/registry/signing-key";
import { REGISTRY, S3_HOST } from "../install/components.ts";
import { readSecret } from "../install/made.ts";
import type { InstallOptions } from "../install/options.ts";
import { registryName, registryPlace, s3Place } from "../install/places.ts";
import { trusting } from "../install/trust-ca.ts";

type Where = Pick<InstallOptions, "s3" | "registry" | "trustCa">;

/** The S3 store of an installation with these options, for an order: with its key. */
export async function s3End(kube: Kube, { s3, trustCa }: Where): Promise<object> {
  if (s3) return await s3Place(kube, trusting(s3, { trustCa }));
  const [credentials, ca] = await Promise.all([readSecret(kube, "davit-s3"), ownCa(kube)]);
  return { endpoint: `https://${S3_HOST}:7070`, bucket: "davit", region: "us-east-1", pathStyle: true, ca, credentials };
}

/** The same of its registry. */
export async function registryEnd(kube: Kube, { registry, trustCa }: Where): Promise<object> {
  if (registry) return { place: await registryPlace(kube, trusting(registry, { trustCa })) };
  const [key, ca] = await Promise.all([readSecret(kube, "davit-registry-key"), ownCa(kube)]);
  return { host: REGISTRY, ca, key: key?.[KEY_FILE.signs] };
}

/** What the names of all its images begin with. */
export function imagesBelow({ registry }: Where): string {
  return registry ? registryName(registry) : REGISTRY;
}

async function ownCa(kube: Kube): Promise<string> {
  const trust = await kube.get<V1ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" });
  return trust?.data?.["ca.crt"] ?? "";
}

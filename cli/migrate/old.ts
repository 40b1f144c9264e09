import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { refOf } from "#shared/kube/client";
import { waitFor } from "#shared/kube/watch";
import { componentRef, componentsOf } from "../install/components.ts";
import { REGISTRY_SECRET, S3_SECRET } from "../install/external.ts";
import { forgetNodes } from "../install/forget-nodes.ts";
import { install, prepareChange } from "../install/install.ts";
import { manifest } from "../install/manifests.ts";
import type { InstallOptions } from "../install/options.ts";
import { S3_ACCOUNTS, S3_KEY } from "../install/s3-accounts.ts";
import { appsWith } from "./apps.ts";
import { imagesBelow } from "./ends.ts";
import type { Migrating } from "./migrate.ts";
import type { Part } from "./move.ts";

const SECRETS: Record<Part, string[]> = { s3: [S3_KEY, S3_ACCOUNTS, "davit-s3-tls"], registry: ["davit-registry-tls"] };
const EXTERNAL: Record<Part, string> = { s3: S3_SECRET, registry: REGISTRY_SECRET };

/**
 * Removes what is left of the place before the last migration: of the built-in one everything, of another one the login that
 * davit was given. Nothing is deleted there.
 * @throws Fault preflight_failed while apps still run images from there
 */
export async function deleteOld(kube: Kube, part: Part, options: InstallOptions, migrating: Migrating): Promise<string[]> {
  const external = options[part] !== undefined;
  const warnings = part === "registry" ? await leaveRegistry(kube, options, migrating) : [];
  if (external) {
    const objects = manifest(part).map(refOf);
    const limit = AbortSignal.any([migrating.signal, AbortSignal.timeout(migrating.timeoutMs)]);
    for (const ref of objects) await kube.remove(ref);
    // A volume goes after the Pod that has it.
    for (const ref of objects) await waitFor(kube, ref, (seen) => seen === undefined || undefined, limit);
    for (const name of SECRETS[part]) await kube.remove({ apiVersion: "v1", kind: "Secret", namespace: "davit", name });
  } else await kube.remove({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: EXTERNAL[part] });
  return warnings;
}

async function leaveRegistry(kube: Kube, options: InstallOptions, { signal, timeoutMs, say }: Migrating): Promise<string[]> {
  const { formerRegistry, ...rest } = options;
  if (!formerRegistry) return [];
  const name = imagesBelow(formerRegistry === "built-in" ? {} : { registry: formerRegistry });
  const users = await appsWith(kube, name);
  if (users.length > 0)
    throw new Fault("preflight_failed", `apps still run images of ${name}: ${users.join(", ")}; nothing was changed`, {
      details: { next: "`davit migrate registry` once more, with the flags from before, moves them" },
    });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  await install(kube, await prepareChange(kube, rest), { signal: limit, tell: () => {} });
  if (componentsOf(rest).includes("node-trust")) return [];
  const warning = await forgetNodes(kube, { signal, tell: say });
  await kube.remove(componentRef("node-trust"));
  return warning === undefined ? [] : [warning];
}

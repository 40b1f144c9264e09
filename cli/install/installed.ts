import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap } from "#shared/kube/objects";
import { type InstalledOptions, InstallOptions } from "./options.ts";

const REF = { apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-install" };
const FILE = "options.json";

/** The object that keeps an installation's options. There is no secret among them. */
export function optionsObject(options: InstallOptions): V1ConfigMap {
  const { apiVersion, kind, ...metadata } = REF;
  return { apiVersion, kind, metadata, data: { [FILE]: `${JSON.stringify(options, null, 2)}\n` } };
}

/**
 * The options that the installation in this cluster was made with; nothing installed: nothing known. An option that a newer
 * davit has and this one lacks is left out.
 * @throws Fault preflight_failed when they cannot be read: to take the defaults instead would change the installation
 */
export async function installedOptions(kube: Kube): Promise<InstalledOptions> {
  const text = (await kube.get<V1ConfigMap>(REF))?.data?.[FILE];
  if (text === undefined) return {};
  try {
    return InstallOptions.partial().parse(JSON.parse(text));
  } catch (cause) {
    const fix = "mend it, or delete it and give every flag of `davit install` again";
    throw new Fault("preflight_failed", `the ConfigMap davit/davit-install, which keeps the installation's options, is damaged; ${fix}`, { cause });
  }
}

/** All of them. @throws Fault preflight_failed when it is of an older davit, which knew fewer */
export function completeOptions(known: InstalledOptions): InstallOptions {
  const parsed = InstallOptions.safeParse(known);
  if (parsed.success) return parsed.data;
  throw new Fault("preflight_failed", "the installation is older than this davit", { details: { next: "`davit install` first" } });
}

/** @throws Fault preflight_failed: what this davit would apply does not fit what runs */
export function checkVersion(installed: string, own: string): void {
  if (installed === own) return;
  throw new Fault("preflight_failed", `the installation is of davit ${installed || "?"}, this is ${own}; nothing was changed`, {
    details: { next: "`davit install` first, so that both are the same" },
  });
}

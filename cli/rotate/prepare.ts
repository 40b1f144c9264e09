import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { VERSION } from "#shared/version";
import { resolveRegistry, resolveS3 } from "../install/external.ts";
import { type Prepared, prepareChange } from "../install/install.ts";
import { checkVersion, completeOptions, installedOptions } from "../install/installed.ts";
import type { InstalledOptions } from "../install/options.ts";
import type { Given } from "../install/places.ts";
import { status } from "../install/status.ts";
import type { SaidPlaces } from "../places-command.ts";

/** The installation as it is, but for the login of an external place. @throws Fault usage, preflight_failed when it is of another davit */
export async function prepareRotation(kube: Kube, { s3, registry, given = {} }: Partial<SaidPlaces> = {}): Promise<Prepared> {
  checkVersion((await status(kube)).version, VERSION);
  const installed = completeOptions(await installedOptions(kube));
  checkGiven(given, installed);
  const external = { s3: resolveS3(s3 ?? {}, installed.s3), registry: resolveRegistry(registry ?? {}, installed.registry) };
  const prepared = await prepareChange(kube, {
    ...installed,
    ...(external.s3 ? { s3: external.s3 } : {}),
    ...(external.registry ? { registry: external.registry } : {}),
  });
  return { ...prepared, installed, given: { ...prepared.given, ...given } };
}

/** @throws Fault usage for a login of a part that is built in: davit makes those itself */
export function checkGiven(given: Given, installed: InstalledOptions): void {
  const [part] = (["s3", "registry"] as const).filter((one) => given[one] && !installed[one]);
  if (!part) return;
  const what = part === "s3" ? "S3 store is the built-in one, whose key" : "registry is the built-in one, whose logins";
  throw new Fault("usage", `this installation's ${what} davit makes itself: \`davit rotate ${part}\` takes none`, { details: { command: "rotate" } });
}

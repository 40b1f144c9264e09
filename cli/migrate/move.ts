import { Fault } from "#shared/fault";
import { resolveRegistry, resolveS3 } from "../install/external.ts";
import { completeOptions } from "../install/installed.ts";
import type { InstalledOptions, InstallOptions } from "../install/options.ts";
import { registryWords, s3Words, sameRegistry, sameS3 } from "../install/places.ts";
import type { SaidPlaces } from "../places-command.ts";

export type Part = "s3" | "registry";

/** What moves from where to where. */
export interface Move {
  part: Part;
  installed: InstallOptions;
  target: InstallOptions;
  /** In words. */
  from: string;
  to: string;
}

/**
 * Where the part is to be, of an installation that is there.
 * @throws Fault usage, preflight_failed when it cannot be moved there
 */
export function moveOf(part: Part, known: InstalledOptions, said: SaidPlaces, builtIn: boolean): Move {
  const installed = completeOptions(known);
  return part === "s3" ? moveS3(installed, said, builtIn) : moveRegistry(installed, said, builtIn);
}

/** Whether it is there already. */
export function isDone({ part, installed, target }: Move): boolean {
  return part === "s3" ? sameS3(installed.s3, target.s3) : sameRegistry(installed.registry, target.registry);
}

function moveS3(installed: InstallOptions, said: SaidPlaces, builtIn: boolean): Move {
  const { s3: present, ...rest } = installed;
  const s3 = builtIn ? undefined : resolveS3(said.s3, present);
  if (present && s3 && !sameS3(present, s3)) throw needsBuiltIn("s3");
  return { part: "s3", installed, target: { ...rest, ...(s3 ? { s3 } : {}) }, from: s3Words(present), to: s3Words(s3) };
}

function moveRegistry(installed: InstallOptions, said: SaidPlaces, builtIn: boolean): Move {
  const { registry: present, formerRegistry, ...rest } = installed;
  const registry = builtIn ? undefined : resolveRegistry(said.registry, present);
  const words = { from: registryWords(present), to: registryWords(registry) };
  if (sameRegistry(present, registry)) {
    const target = { ...rest, ...(registry ? { registry } : {}), ...(formerRegistry ? { formerRegistry } : {}) };
    return { part: "registry", installed, target, ...words };
  }
  if (present && registry) throw needsBuiltIn("registry");
  if (installed.nodeTrust !== "daemonset") throw needsTrust(installed.nodeTrust);
  return { part: "registry", installed, target: { ...rest, ...(registry ? { registry } : {}), formerRegistry: present ?? "built-in" }, ...words };
}

/** For a while nodes have to pull from both registries, and only davit itself can tell all of them at the right moment. */
function needsTrust(mode: string): Fault {
  return new Fault("preflight_failed", `with --node-trust ${mode} nodes would not pull from both registries; nothing was changed`, {
    details: { next: "`davit install --node-trust daemonset`, then this again; the mode can be changed back afterwards" },
  });
}

/** Of two that are not davit's, the installation could keep one login only. */
function needsBuiltIn(part: Part): Fault {
  return new Fault("preflight_failed", "from one external place to another there is no direct way; nothing was changed", {
    details: { next: `\`davit migrate ${part} --built-in --delete-old\`, then this again` },
  });
}

import { Fault } from "#shared/fault";
import { hasBuiltInRegistry } from "./components.ts";
import { isOwnCa } from "./issuer.ts";
import type { InstallOptions } from "./options.ts";

/**
 * To be asked before another CA signs: nodes that trust davit's CA because an admin told them can be told of the next one by
 * nobody else.
 * @param next what to type once they trust both
 * @throws Fault preflight_failed where there are such nodes
 */
export function needNodesTold(options: InstallOptions, next: string): void {
  if (!nodesAreAdmins(options)) return;
  throw new Fault(
    "preflight_failed",
    `nodes do not trust the next CA yet, and with --node-trust ${options.nodeTrust} that is yours to do; the present one signs on`,
    { details: { next: `bring every node what \`davit doctor --print-trust\` prints now, then ${next}` } },
  );
}

function nodesAreAdmins(options: InstallOptions): boolean {
  if (!hasBuiltInRegistry(options)) return false;
  return options.nodeTrust === "manual" || (options.nodeTrust === "public" && isOwnCa(options.issuer));
}

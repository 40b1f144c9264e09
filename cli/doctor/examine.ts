import { Fault, toFault } from "#shared/fault";
import type { Check, World } from "./check.ts";
import { type Finding, problem } from "./finding.ts";

export interface Examined {
  check: Check;
  findings: Finding[];
}

/** Makes the checks side by side, and tells of each, in their order, as soon as it and those before it are done. */
export async function* examine(world: World, checks: readonly Check[]): AsyncGenerator<Examined> {
  const running = checks.map((check) => ({ check, findings: findingsOf(check, world) }));
  for (const { check, findings } of running) yield { check, findings: await findings };
}

/** What cannot be looked at is not known to be well. */
async function findingsOf(check: Check, world: World): Promise<Finding[]> {
  try {
    const found = await check.look(world);
    return found.map((finding) => withHop(check, finding));
  } catch (error) {
    const fault = error instanceof Fault || !world.signal.aborted ? toFault(error) : new Fault("deadline", "it took longer than --timeout allows");
    const what = problem(
      `could not be looked at: ${fault.message}`,
      FIXES[fault.code] ?? "`davit doctor --verbose` tells more; docs/doctor.md lists the rights that it needs",
    );
    return [withHop(check, what)];
  }
}

function withHop({ hop }: Check, finding: Finding): Finding {
  return hop ? { ...finding, hop } : finding;
}

const FIXES: { [code: string]: string } = {
  forbidden: "use a context with the rights of a cluster administrator (--context NAME); docs/doctor.md lists those that are needed",
  deadline: "give it more time with --timeout, or look at one thing with --only",
};

import { Fault, type FaultCode } from "#shared/fault";

/** What kaniko's last error says, and what it means; the first that fits counts. */
const SIGNS: [RegExp, FaultCode, string][] = [
  [/signal: killed|exit status 137|cannot allocate memory|out of memory/i, "build_oom", "the build ran out of memory"],
  [/pars(e|ing) (the )?dockerfile|dockerfile parse error|unknown instruction/i, "dockerfile_invalid", "the Dockerfile is not valid"],
  [
    /MANIFEST_UNKNOWN|NAME_UNKNOWN|UNAUTHORIZED|unable to complete operation|(retriev|pull|fetch)\w* .*image/i,
    "base_image_missing",
    "an image that the Dockerfile builds FROM could not be read",
  ],
];

/** Kaniko says the same of an image that it cannot read and of one that it cannot push; this line stands between the two. */
const PUSHING = /Pushing image to/;

/** Says why kaniko failed, by its exit code and its last lines. */
export function buildFault(exit: number, lines: readonly string[]): Fault {
  const last = lines.findLast((line) => line.trim() !== "") ?? "";
  const details = { exit: String(exit), log: lines.join("\n") };
  if (exit === 137) return new Fault("build_oom", "the build was killed: it ran out of memory", { details });
  const error = lines.findLast((line) => /^error|level=(error|fatal)|^fatal/i.test(line)) ?? last;
  if (lines.some((line) => PUSHING.test(line))) {
    return new Fault("registry_unavailable", `the image could not be pushed to the registry: ${error}`, { details });
  }
  for (const [sign, code, meaning] of SIGNS) {
    if (sign.test(error)) return new Fault(code, `${meaning}: ${error}`, { details });
  }
  return new Fault("build_failed", `the build failed: ${error || `kaniko ended with ${exit}`}`, { details });
}

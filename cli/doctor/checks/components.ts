import { VERSION } from "#shared/version";
import { componentRef, componentsOf } from "../../install/components.ts";
import { look } from "../../install/wait.ts";
import type { World } from "../check.ts";
import { type Finding, ok, problem, warning } from "../finding.ts";

/** Whether everything that runs is ready. */
export async function lookAtComponents({ kube, options }: World): Promise<Finding[]> {
  const { states } = await look(kube, componentsOf(options));
  return states.map(({ name, ready, desired, done, reason }) => {
    if (done) return ok(`${name} is ready (${ready}/${desired})`);
    const { kind, namespace, name: object } = componentRef(name);
    return problem(
      `${name} is not ready (${ready}/${desired}): ${reason}`,
      `see \`kubectl -n ${namespace} describe ${kind.toLowerCase()} ${object}\`; \`davit install\` puts back what is missing or was changed`,
    );
  });
}

/** Whether what runs is of this davit's version. */
export async function lookAtVersions({ kube, options }: World): Promise<Finding[]> {
  const { view } = await look(kube, componentsOf(options));
  const versions = componentsOf(options).map((name) => ({
    name,
    version: view.get(componentRef(name))?.metadata?.labels?.["app.kubernetes.io/version"],
  }));
  return [versionVerdict(VERSION, versions)];
}

/** `own` is this davit's; a component that is not there has no version, which is not a matter of versions. */
export function versionVerdict(own: string, versions: readonly { name: string; version?: string | undefined }[]): Finding {
  const others = versions.filter(({ version }) => version !== undefined && version !== own);
  if (others.length === 0) return ok(`this davit and what is installed are ${own}`);
  const named = others.map(({ name, version }) => `${name} ${version}`).join(", ");
  return warning(
    `this davit is ${own}, installed is ${named}`,
    `\`davit install\` brings the installation to ${own}; or use the davit of that version`,
  );
}

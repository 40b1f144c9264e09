import { NamespaceName } from "#shared/app";
import { Fault } from "#shared/fault";

/** The namespace that `davit install` makes. */
const DEFAULT_NAMESPACE = "apps";

/**
 * The namespace of a command: its flag, $DAVIT_NAMESPACE, the login's, or `apps`.
 * @throws Fault name_invalid
 */
export function pickNamespace(flag: string | undefined, env: Record<string, string | undefined>, login: { namespace?: string | undefined }): string {
  return checkNamespace(flag ?? (env.DAVIT_NAMESPACE || undefined) ?? login.namespace ?? DEFAULT_NAMESPACE);
}

/** The name itself, when it can be a namespace's. @throws Fault name_invalid */
export function checkNamespace(name: string): string {
  const parsed = NamespaceName.safeParse(name);
  if (parsed.success) return name;
  throw new Fault("name_invalid", `the namespace '${name}' ${parsed.error.issues[0]?.message}`, { details: { name } });
}

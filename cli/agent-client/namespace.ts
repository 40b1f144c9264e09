import { NamespaceName } from "#shared/app";
import { Fault } from "#shared/fault";
import { quoteName } from "../flags.ts";

/** The namespace that `davit install` makes. */
const DEFAULT_NAMESPACE = "apps";

/**
 * The namespace of a command: its flag, $DAVIT_NAMESPACE, the login's, or `apps`.
 * @throws Fault name_invalid
 */
export function pickNamespace(flag: string | undefined, env: Record<string, string | undefined>, login: { namespace?: string | undefined }): string {
  if (flag !== undefined) return checkNamespace(flag, "--namespace");
  if (env.DAVIT_NAMESPACE) return checkNamespace(env.DAVIT_NAMESPACE, "$DAVIT_NAMESPACE");
  return login.namespace ?? DEFAULT_NAMESPACE;
}

/** The name itself, when it can be a namespace's; `what` says where it was typed. @throws Fault name_invalid */
export function checkNamespace(name: string, what = "the namespace"): string {
  const parsed = NamespaceName.safeParse(name);
  if (parsed.success) return name;
  throw new Fault("name_invalid", `${what} ${quoteName(name)} ${parsed.error.issues[0]?.message}`);
}

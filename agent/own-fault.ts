import { Fault, toFault } from "#shared/fault";

/**
 * What went wrong, as a caller of the agent has to hear it. That Kubernetes does not allow the agent something is no
 * fault of the caller's rights: it means that the agent's own roles are not as `davit install` makes them.
 */
export function ownFault(error: unknown): Fault {
  const fault = toFault(error);
  if (fault.details["status"] !== "403" && fault.details["status"] !== "401") return fault;
  return new Fault("kube_refused", `the agent may not do what it has to: ${fault.message}`, { cause: fault, details: fault.details });
}

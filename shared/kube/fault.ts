import { Fault } from "../fault.ts";

interface Status {
  message?: string;
  reason?: string;
  details?: { kind?: string; name?: string };
}

/** Answers that mean: not now. */
const BUSY = new Set([429, 502, 503, 504]);

/** A Kubernetes Status as a Fault: what the API server refused, and for 403 which verb on which resource RBAC lacks. */
export async function faultOf(response: Response, action: string): Promise<Fault> {
  const text = await response.text();
  const status = parse(text);
  const message = status.message ?? (text.slice(0, 300) || `status ${response.status}`);
  const details = { status: String(response.status), reason: status.reason ?? "", action };
  if (response.status === 401) return new Fault("token_rejected", `Kubernetes does not accept the credential: ${message}`, { details });
  if (response.status === 403) return new Fault("forbidden", `Kubernetes does not allow it: ${message}`, { details });
  if (BUSY.has(response.status)) return new Fault("cluster_unreachable", `the Kubernetes API server could not answer: ${message}`, { details });
  return new Fault("kube_refused", `Kubernetes refused ${action}: ${message}`, { details });
}

function parse(text: string): Status {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Whether a fault is the API server's answer with this status, e.g. 409 or 410. */
export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof Fault && error.details["status"] === String(status);
}

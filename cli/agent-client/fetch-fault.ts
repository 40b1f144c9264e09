import { Fault } from "#shared/fault";

const UNTRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;
/** A name that nobody knows will not be known in ten seconds either. */
const LASTING = new Set(["ENOTFOUND", "EAI_FAIL", "EAI_NONAME"]);

/** Why `fetch` threw, as a fault; `details.retry` says whether trying again may help. */
export function fetchFault(server: string, error: unknown): Fault {
  const code = (error as { code?: unknown }).code;
  const name = typeof code === "string" ? code : "";
  const reason = error instanceof Error ? error.message : String(error);
  if (UNTRUSTED.test(name)) {
    return new Fault("certificate_untrusted", `the certificate of ${server} is not trusted: ${reason}`, { cause: error, details: { server } });
  }
  return unreachable(server, `does not answer: ${reason}`, { cause: error, retry: !LASTING.has(name) });
}

/** Whether asking again may help: `away` is an agent whose place is there, as while it is restarted, and who is not. */
export type Retry = "away" | boolean;

/** A fault that says the agent at `server` cannot be reached. */
export function unreachable(server: string, why: string, options: { cause?: unknown; retry: Retry }): Fault {
  const details: Record<string, string> = { server, ...(options.retry ? { retry: String(options.retry) } : {}) };
  return new Fault("agent_unreachable", `the davit agent at ${server} ${why}`, { cause: options.cause, details });
}

import { z } from "zod";

/**
 * Every way davit can fail on purpose. `exit` is the CLI's exit code (their ranges are an API: scripts test them),
 * `http` the agent's status. Codes are append-only: people search for them.
 */
const TABLE = {
  usage: { exit: 2, http: 400 },
  name_invalid: { exit: 2, http: 400 },
  namespace_not_found: { exit: 3, http: 404 },
  namespace_unmanaged: { exit: 3, http: 409 },
  namespace_exists: { exit: 3, http: 409 },
  app_not_found: { exit: 3, http: 404 },
  revision_not_found: { exit: 3, http: 404 },
  route_taken: { exit: 3, http: 409 },
  app_deleting: { exit: 3, http: 409 },
  no_url: { exit: 3, http: 404 },
  instance_not_found: { exit: 3, http: 404 },
  configuration_not_found: { exit: 3, http: 404 },
  configuration_exists: { exit: 3, http: 409 },
  configuration_bound: { exit: 3, http: 409 },
  configuration_too_large: { exit: 2, http: 413 },
  credential_not_found: { exit: 3, http: 404 },
  credential_exists: { exit: 3, http: 409 },
  ref_not_found: { exit: 3, http: 404 },
  input_needed: { exit: 4, http: 400 },

  source_not_found: { exit: 10, http: 400 },
  source_not_directory: { exit: 11, http: 400 },
  source_empty: { exit: 12, http: 400 },
  source_unreadable: { exit: 13, http: 400 },
  source_changed: { exit: 14, http: 400 },
  source_link: { exit: 15, http: 400 },
  source_special_file: { exit: 16, http: 400 },
  source_name: { exit: 17, http: 400 },
  archive_invalid: { exit: 13, http: 400 },
  no_dockerfile: { exit: 18, http: 400 },
  manifest_invalid: { exit: 19, http: 400 },

  agent_unreachable: { exit: 20, http: 503 },
  agent_lost: { exit: 21, http: 503 },
  not_logged_in: { exit: 22, http: 401 },
  token_rejected: { exit: 23, http: 401 },
  forbidden: { exit: 24, http: 403 },
  cluster_unreachable: { exit: 25, http: 503 },
  certificate_untrusted: { exit: 26, http: 502 },
  certificate_changed: { exit: 26, http: 502 },
  version_skew: { exit: 27, http: 400 },
  not_installed: { exit: 28, http: 404 },
  preflight_failed: { exit: 29, http: 412 },
  kube_refused: { exit: 29, http: 502 },
  issuer_not_ready: { exit: 29, http: 502 },
  gateway_not_ready: { exit: 29, http: 502 },
  doctor_found: { exit: 29, http: 500 },

  upload_failed: { exit: 30, http: 502 },
  store_full: { exit: 31, http: 507 },
  store_unavailable: { exit: 32, http: 503 },
  tree_invalid: { exit: 33, http: 400 },
  pack_invalid: { exit: 34, http: 400 },
  chunks_missing: { exit: 35, http: 409 },
  tree_base_unknown: { exit: 36, http: 409 },
  source_gone: { exit: 37, http: 410 },

  hydrate_failed: { exit: 40, http: 500 },
  volume_full: { exit: 41, http: 507 },
  git_unreachable: { exit: 42, http: 502 },
  git_auth: { exit: 43, http: 422 },
  git_repository_not_found: { exit: 44, http: 422 },
  git_revision_not_found: { exit: 45, http: 422 },
  git_refused: { exit: 46, http: 422 },
  git_too_large: { exit: 47, http: 422 },
  fetch_failed: { exit: 48, http: 500 },

  staging_failed: { exit: 50, http: 500 },
  base_failed: { exit: 50, http: 422 },
  build_failed: { exit: 51, http: 422 },
  build_oom: { exit: 52, http: 422 },
  dockerfile_invalid: { exit: 53, http: 422 },
  base_image_missing: { exit: 54, http: 422 },
  registry_unavailable: { exit: 55, http: 503 },
  build_timeout: { exit: 56, http: 422 },
  staging_unschedulable: { exit: 57, http: 503 },
  image_gone: { exit: 58, http: 410 },
  image_not_found: { exit: 59, http: 422 },

  rollout_failed: { exit: 60, http: 422 },
  app_crashed: { exit: 61, http: 422 },
  app_not_listening: { exit: 62, http: 422 },
  image_pull: { exit: 63, http: 422 },
  url_unanswered: { exit: 64, http: 422 },
  app_oom: { exit: 65, http: 422 },
  app_not_ready: { exit: 66, http: 422 },
  pod_forbidden: { exit: 67, http: 422 },

  deadline: { exit: 124, http: 504 },
  command_not_started: { exit: 127, http: 422 },
  interrupted: { exit: 130, http: 499 },
  bug: { exit: 1, http: 500 },
} as const satisfies Record<string, { exit: number; http: number }>;

export type FaultCode = keyof typeof TABLE;

export const FAULT_CODES = Object.keys(TABLE) as FaultCode[];

/**
 * A fault as it travels: on the wire, in a Revision's status, in `-o json`. One of a newer agent, with a code that this
 * davit does not know, keeps its words and becomes `version_skew`.
 */
export const FaultWire = z
  .object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.string()).optional() })
  .transform(({ code, message, ...rest }) => {
    if (code in TABLE) return { code: code as FaultCode, message, ...rest };
    return { code: "version_skew" as FaultCode, message: `${message} (from a newer agent: this davit does not know '${code}')`, ...rest };
  });
export type FaultWire = z.infer<typeof FaultWire>;

/**
 * An expected failure: a code of the closed table and a message that states what happened and why.
 * `details` are facts for the CLI's hint (names, paths, numbers), never secrets.
 * Anything thrown that is not a Fault is a bug in davit.
 */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly details: Record<string, string>;

  constructor(code: FaultCode, message: string, options: { cause?: unknown; details?: Record<string, string> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return TABLE[this.code].exit;
  }

  get httpStatus(): number {
    return TABLE[this.code].http;
  }

  toWire(): FaultWire {
    return {
      code: this.code,
      message: this.message,
      ...(Object.keys(this.details).length > 0 ? { details: this.details } : {}),
    };
  }

  static fromWire({ code, message, details = {} }: FaultWire): Fault {
    return new Fault(code, message, { details });
  }
}

/** Any thrown value as a Fault; what is not one already becomes `bug`, with the original as its cause. */
export function toFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault("bug", error instanceof Error ? error.message : String(error), { cause: error });
}

import { Fault, type FaultCode } from "../fault.ts";

const BY_ERRNO: Record<string, [FaultCode, string]> = {
  EACCES: ["source_unreadable", "may not be read"],
  EPERM: ["source_unreadable", "may not be read"],
  ENAMETOOLONG: ["source_name", "has a path that is too long for this system"],
  // All three mean that a directory listing just told something else.
  ENOENT: ["source_changed", "vanished while the source was being read"],
  ENOTDIR: ["source_changed", "stopped being a directory while the source was being read"],
  ELOOP: ["source_changed", "became a link while the source was being read"],
};

/**
 * The fault for a file system call that failed on something that the walk had found at `path` (relative).
 * Other errors are given back as they are: a Fault says more already, anything else is a bug.
 */
export function fileFault(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === "" || error instanceof Fault) return error;
  const [code, what] = BY_ERRNO[errno] ?? ["source_unreadable", `could not be read (${errno})`];
  return new Fault(code, `${quote(path)} ${what}`, { cause: error, details: { path } });
}

/** The system's name of an error (`ENOENT`), or nothing. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && "errno" in error && "code" in error ? String(error.code) : "";
}

/** Fault source_changed for the file at `path`. */
export function changedFault(path: string): Fault {
  return new Fault("source_changed", `${quote(path)} changed while it was being read`, { details: { path } });
}

/** A path as it can stand in a sentence: newlines and the like escaped; the root itself is ".". */
export function quote(path: string): string {
  return JSON.stringify(path === "" ? "." : path);
}

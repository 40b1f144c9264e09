import { Fault } from "#shared/fault";

/** Fault archive_invalid: the archive cannot or must not be unpacked. */
export function archiveFault(message: string, details: Record<string, string>, cause?: unknown): Fault {
  return new Fault("archive_invalid", message, { cause, details });
}

/** What to do about an entry that no source may have: an ignore rule comes too late for it. */
export const WITHOUT_IT = "make the archive again without it, or unpack it yourself and push the folder";

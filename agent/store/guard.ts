import { S3Error } from "minio";
import { Fault } from "#shared/fault";
import { isUntrusted } from "#shared/untrusted";
import { within } from "#shared/within";

/** Runs one operation on the store, which may be run more than once. */
export type Guard = <T>(work: () => Promise<T>) => Promise<T>;

/** A store that is asked too much says so and means it for moments; a proxy before it that is restarted takes no longer. */
const RETRY_MS = [100, 400, 1000];
const TRANSIENT = new Set(["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"]);

/** Tries again what may go better, and gives every failure of the store, its silence included, as a Fault. */
export function guardOf(requestMs: number): Guard {
  return async <T>(work: () => Promise<T>) => {
    try {
      const answer = await within(
        requestMs,
        retried(work).then((value) => ({ value })),
      );
      if (!answer) throw new Error(`it did not answer within ${requestMs / 1000} s`);
      return answer.value;
    } catch (cause) {
      throw storeFault(cause);
    }
  };
}

async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await work();
    } catch (error) {
      const wait = RETRY_MS[failures];
      if (wait === undefined || !isTransient(error)) throw error;
      await Bun.sleep(wait);
    }
  }
}

/** What S3 answered is its last word, but for some; a connection that broke, or a status without an answer, is not. */
function isTransient(error: unknown): boolean {
  if (error instanceof S3Error) return TRANSIENT.has(error.code ?? "");
  return !isUntrusted(error);
}

function storeFault(cause: unknown): Fault {
  const code = cause instanceof S3Error ? (cause.code ?? "") : ((cause as { code?: string }).code ?? "");
  const reason = cause instanceof Error ? cause.message : String(cause);
  const full = /quota|storagefull|insufficient|no space|ENOSPC/i.test(`${code} ${reason}`);
  const message = full ? "the S3 store is full" : `the S3 store failed: ${reason}`;
  return new Fault(full ? "store_full" : "store_unavailable", message, { cause, details: { s3: code } });
}

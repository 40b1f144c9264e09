import { addAbortSignal } from "node:stream";
import type { Context } from "./context.ts";

/** All that comes on stdin, without the one newline at its end that `echo` and editors put there. */
export async function readStdin({ signal, stdin }: Pick<Context, "signal" | "stdin">): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of addAbortSignal(signal, stdin)) parts.push(Buffer.from(part));
  const bytes = Buffer.concat(parts);
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? 2 : 1) : 0;
  return bytes.subarray(0, bytes.length - end);
}

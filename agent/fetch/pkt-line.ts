import { Fault } from "#shared/fault";

/** One packet of git's protocol: bytes, or one of its three marks. */
export type Packet = Buffer | "flush" | "delimiter" | "end";

const MARKS: Record<number, Packet> = { 0: "flush", 1: "delimiter", 2: "end" };

export const FLUSH = "0000";
export const DELIMITER = "0001";

/** A line of text as a packet. */
export function packet(text: string): string {
  const line = `${text}\n`;
  return (Buffer.byteLength(line) + 4).toString(16).padStart(4, "0") + line;
}

/** The packets of a stream. @throws Fault git_unreachable when it is no such stream, or is cut within a packet */
export async function* packets(body: AsyncIterable<Uint8Array>): AsyncGenerator<Packet> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of body) {
    rest = rest.length === 0 ? Buffer.from(part.buffer, part.byteOffset, part.length) : Buffer.concat([rest, part]);
    let at = 0;
    for (let size = sizeAt(rest, at); size !== undefined && at + Math.max(size, 4) <= rest.length; size = sizeAt(rest, at)) {
      yield MARKS[size] ?? rest.subarray(at + 4, at + size);
      at += Math.max(size, 4);
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new Fault("git_unreachable", "the connection to the git server broke off");
}

/* Bytes of the packet there, its own four digits included; undefined when those have not come yet. */
function sizeAt(bytes: Buffer, at: number): number | undefined {
  if (at + 4 > bytes.length) return undefined;
  const digits = bytes.toString("latin1", at, at + 4);
  const size = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 3;
  if (size === 3) throw new Fault("git_unreachable", "what answers is no git server");
  return size;
}

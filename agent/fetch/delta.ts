import { Fault } from "#shared/fault";

/*
 * A delta is the size of what it is applied to, the size of what comes out, and commands: copy a piece of the base, or
 * insert the bytes that follow.
 */

/** The size of what a delta makes, in bytes. */
export function targetSize(delta: Uint8Array): number {
  return readSize(delta, readSize(delta, 0).next).size;
}

/** What a delta makes of its base. @throws Fault git_unreachable when they do not fit together */
export function applyDelta(base: Uint8Array, delta: Uint8Array): Uint8Array {
  const from = readSize(delta, 0);
  const to = readSize(delta, from.next);
  if (from.size !== base.length) throw unfit();
  const target = Buffer.allocUnsafe(to.size);
  let written = 0;
  for (let at = to.next; at < delta.length; ) {
    const command = delta[at++] ?? 0;
    const piece = command & 128 ? copied(base, delta, at, command) : { bytes: delta.subarray(at, at + command), next: at + command };
    if (piece.bytes.length === 0 || written + piece.bytes.length > to.size || piece.next > delta.length) throw unfit();
    target.set(piece.bytes, written);
    written += piece.bytes.length;
    at = piece.next;
  }
  if (written !== to.size) throw unfit();
  return target;
}

/* The command's bits tell which bytes of offset (four) and length (three) follow; the others are zero. */
function copied(base: Uint8Array, delta: Uint8Array, start: number, command: number): { bytes: Uint8Array; next: number } {
  let at = start;
  let offset = 0;
  let length = 0;
  for (let bit = 0; bit < 4; bit++) if (command & (1 << bit)) offset += (delta[at++] ?? 0) * 256 ** bit;
  for (let bit = 0; bit < 3; bit++) if (command & (16 << bit)) length += (delta[at++] ?? 0) * 256 ** bit;
  const end = offset + (length || 0x10000);
  if (end > base.length) throw unfit();
  return { bytes: base.subarray(offset, end), next: at };
}

function readSize(delta: Uint8Array, start: number): { size: number; next: number } {
  let at = start;
  let size = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = delta[at++];
    if (byte === undefined || at - start > 8) throw unfit();
    size += (byte & 127) * factor;
    if (byte < 128) return { size, next: at };
  }
}

function unfit(): Fault {
  return new Fault("git_unreachable", "the git server sent a damaged pack: a delta does not fit its base");
}

/** Below this many bytes the garbage collector does as well. */
const LARGE = 64 * 1024;

/**
 * Gives the memory of `bytes` back now; they are empty afterwards. Large buffers are a handful of bytes to the garbage
 * collector, which lets hundreds of MiB of them pile up (pushing 1 GiB: peak RSS 450 MiB without this).
 * Only for bytes that have a buffer of their own.
 */
export function release(bytes: Uint8Array): void {
  if (bytes.length >= LARGE && bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

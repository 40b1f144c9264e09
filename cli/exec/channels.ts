/* The frames of Kubernetes' v5.channel.k8s.io: a byte that says whose they are, then what is meant. */

const STDIN = 0;
const RESIZE = 4;
const CLOSE = 255;
/** A frame's payload is kept small, so that it fits through whatever lies in between. */
const MAX_PAYLOAD = 32 * 1024;

export const STDOUT = 1;
export const STDERR = 2;
/** How the command ended. */
export const STATUS = 3;

/** Tells the command that its stdin has ended. */
export const STDIN_ENDED = Uint8Array.of(CLOSE, STDIN);

/** Some of stdin, as frames. */
export function* stdinFrames(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += MAX_PAYLOAD) yield frame(STDIN, bytes.subarray(at, at + MAX_PAYLOAD));
}

/** Tells the terminal's size. */
export function resizeFrame(columns: number, rows: number): Uint8Array<ArrayBuffer> {
  return frame(RESIZE, Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
}

function frame(channel: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(payload.length + 1);
  bytes[0] = channel;
  bytes.set(payload, 1);
  return bytes;
}

/** How a command ended: with an exit code, or without having begun. */
export type Ending = { exit: number } | { failure: string };

interface Status {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** What the STATUS channel says. */
export function endingOf(payload: Uint8Array): Ending {
  const { status, reason, message, details }: Status = JSON.parse(Buffer.from(payload).toString());
  if (status === "Success") return { exit: 0 };
  const code = Number(details?.causes?.find((cause) => cause.reason === "ExitCode")?.message);
  if (reason === "NonZeroExitCode" && Number.isInteger(code)) return { exit: code };
  // Every layer between has put its words before those of the one that tried.
  return { failure: message?.replace(/^.*unable to start container process: /s, "") ?? "Kubernetes does not say why" };
}

import type { Socket } from "node:net";
import { finished } from "node:stream/promises";
import type { Wire } from "./wire.ts";

/**
 * Carries a TCP connection over a wire, both ways, at the slower one's pace; each side may end its own direction first.
 * The connection is closed afterwards, or broken off when the wire was; the wire is its owner's to close.
 * @throws Fault the other side's, or agent_lost; Error when the TCP connection breaks
 */
export async function tunnel(wire: Wire, socket: Socket): Promise<void> {
  // Whoever reads or writes it is told; an error that nobody hears would end the process.
  socket.on("error", () => {});
  try {
    await Promise.all([outward(wire, socket), inward(wire, socket)]);
    socket.destroy();
  } catch (error) {
    socket.resetAndDestroy();
    throw error;
  }
}

async function outward(wire: Wire, socket: Socket): Promise<void> {
  // A socket that ends is not destroyed with its reader: the other direction may go on.
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) await wire.send(bytes);
  await wire.end();
}

async function inward(wire: Wire, socket: Socket): Promise<void> {
  for await (const bytes of wire) if (!socket.write(bytes)) await drained(socket);
  socket.end();
  await finished(socket, { readable: false });
}

/** Resolves when the socket takes more, or has closed. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    if (socket.destroyed) resolve();
    else socket.on("drain", done).on("close", done);
  });
}

import { Fault, FaultWire } from "./fault.ts";
import type { PacedSocket } from "./paced-socket.ts";

/**
 * One end of a session between CLI and agent. Binary messages are what it carries; a text message says that nothing
 * more comes from that side, or why it is over. A socket that closes without one was cut off.
 */
export class Wire implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly #socket: PacedSocket;

  constructor(socket: PacedSocket) {
    this.#socket = socket;
  }

  /** What the other side sends, to its end. @throws Fault the other side's, or agent_lost */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for await (const message of this.#socket) {
      if (typeof message !== "string") {
        yield message;
        continue;
      }
      const { end, fault } = JSON.parse(message);
      if (end) return;
      throw Fault.fromWire(FaultWire.parse(fault));
    }
    throw cutOff();
  }

  /** @throws Fault agent_lost when nobody is there to have it */
  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!(await this.#socket.send(bytes))) throw cutOff();
  }

  /** Says that nothing more comes from here. */
  async end(): Promise<void> {
    await this.#socket.send(JSON.stringify({ end: true }));
  }

  /** Says why it is over, and closes. */
  async fail(fault: Fault): Promise<void> {
    await this.#socket.send(JSON.stringify({ fault: fault.toWire() }));
    await this.close();
  }

  async close(): Promise<void> {
    await this.#socket.close();
  }
}

function cutOff(): Fault {
  return new Fault("agent_lost", "the connection to the agent broke");
}

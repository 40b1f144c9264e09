/** Bytes that may lie here before the other side is held up. */
const ROOM = 1 << 20;
const LOOK_MS = 5;
const FLUSH_MS = 5000;

/** What Bun's two kinds of WebSocket, of clients and of servers, have in common. */
export interface RawSocket {
  send(message: string | Uint8Array<ArrayBuffer>): unknown;
  /** Bytes that were sent and are not on their way yet. */
  buffered(): number;
  pause(): unknown;
  resume(): unknown;
  close(): void;
}

/**
 * A WebSocket that is read at its reader's pace and written at the network's, so that what is relayed never piles up: a
 * server's `send` drops what it has no room for, and a client's takes everything. Whoever has the socket tells it what
 * was received, and that it has closed.
 */
export class PacedSocket implements AsyncIterable<string | Uint8Array<ArrayBuffer>> {
  readonly #socket: RawSocket;
  readonly #waiting: (string | Uint8Array<ArrayBuffer>)[] = [];
  #bytes = 0;
  #closed = false;
  #news = Promise.withResolvers<void>();

  constructor(socket: RawSocket) {
    this.#socket = socket;
  }

  receive(message: string | Uint8Array<ArrayBuffer>): void {
    this.#waiting.push(message);
    this.#bytes += message.length;
    if (this.#bytes > ROOM) this.#socket.pause();
    this.#news.resolve();
  }

  hasClosed(): void {
    this.#closed = true;
    this.#news.resolve();
  }

  /** Every message, once, in order; ends when the socket has closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string | Uint8Array<ArrayBuffer>> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) {
        this.#bytes -= message.length;
        if (this.#bytes <= ROOM / 2) this.#socket.resume();
        yield message;
        continue;
      }
      if (this.#closed) return;
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
  }

  /** Sends as soon as there is room. Tells whether the socket was still open. */
  async send(message: string | Uint8Array<ArrayBuffer>): Promise<boolean> {
    while (!this.#closed && this.#socket.buffered() > ROOM) await Bun.sleep(LOOK_MS);
    if (!this.#closed) this.#socket.send(message);
    return !this.#closed;
  }

  /** Closes once everything is out, or nobody has wanted it for a while. */
  async close(): Promise<void> {
    const patience = performance.now() + FLUSH_MS;
    while (!this.#closed && this.#socket.buffered() > 0 && performance.now() < patience) await Bun.sleep(LOOK_MS);
    if (!this.#closed) this.#socket.close();
  }
}

/** A server's WebSocket. */
export function pacedServer(ws: Bun.ServerWebSocket<unknown>): PacedSocket {
  return new PacedSocket({
    send: (message) => ws.send(message),
    buffered: () => ws.getBufferedAmount(),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    close: () => ws.close(),
  });
}

/** A client's WebSocket, once it is open. @throws the error that it could not be opened for */
export async function openSocket(socket: WebSocket): Promise<PacedSocket> {
  const paced = new PacedSocket({
    send: (message) => socket.send(message),
    buffered: () => socket.bufferedAmount,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.close(),
  });
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("message", ({ data }) => paced.receive(data));
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("error", (event) => opened.reject((event as ErrorEvent).error ?? new Error((event as ErrorEvent).message)));
  socket.addEventListener("close", ({ code }) => {
    paced.hasClosed();
    opened.reject(new Error(`the WebSocket was closed (${code})`));
  });
  await opened.promise;
  return paced;
}

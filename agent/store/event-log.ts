import { Fault } from "#shared/fault";
import type { DoneEvent, NewPushEvent, PushEvent } from "#shared/push-event";
import { within } from "#shared/within";
import { keys } from "./keys.ts";
import type { ObjectStore } from "./object-store.ts";

/** Events gather this long before they are stored, so that a chatty build does not cost a request a line. */
const GATHER_MS = 20;
/** A segment is small: a store that takes longer for one is not there any more, and people wait for what is in it. */
const SILENCE_MS = 10_000;
/** Whoever follows a push is told of a store that takes nothing for so long. */
const TELL_MS = 5000;
const WHOLE = "whole";

/**
 * The events of one push. An event is stored before anyone sees it, so that after a crash the stream goes on with
 * the next number: no gap, no duplicate. While a push runs its events lie in S3 in segments named by their first
 * number; at the end they become one object.
 */
export class EventLog {
  readonly #store: ObjectStore;
  readonly #prefix: string;
  readonly #events: PushEvent[];
  readonly #tellMs: number;
  #stored: number;
  #segments: string[];
  #flushing: Promise<void> | undefined;
  #wake = Promise.withResolvers<void>();

  private constructor(store: ObjectStore, prefix: string, events: PushEvent[], segments: string[], tellMs: number) {
    this.#store = store;
    this.#tellMs = tellMs;
    this.#prefix = prefix;
    this.#events = events;
    this.#stored = events.length;
    this.#segments = segments;
  }

  static async open(store: ObjectStore, uid: string, app: string, revision: number, tellMs = TELL_MS): Promise<EventLog> {
    const prefix = keys.logs(uid, app, revision);
    const whole = await store.get(prefix + WHOLE);
    if (whole) return new EventLog(store, prefix, parse(whole), [], tellMs);
    const segments = await store.list(prefix);
    const parts = await Promise.all(segments.map((key) => store.get(key)));
    return new EventLog(
      store,
      prefix,
      parts.flatMap((part) => (part ? parse(part) : [])),
      segments,
      tellMs,
    );
  }

  /** Everything so far, stored or about to be. */
  get events(): readonly PushEvent[] {
    return this.#events;
  }

  get done(): DoneEvent | undefined {
    const last = this.#events.at(-1);
    return last?.type === "done" ? last : undefined;
  }

  append(event: NewPushEvent): void {
    if (this.done) throw new Error("the push has ended already");
    this.#events.push({ ...event, seq: this.#events.length + 1, at: Date.now() } as PushEvent);
    this.#flushing ??= this.#flush();
  }

  /** Resolves when all that has been told so far is stored. */
  async stored(): Promise<void> {
    const told = this.#events.length;
    while (this.#stored < told) await this.#flushing;
  }

  /** Appends the last event, and returns once all of them are stored as one object. When the store failed on the way it may be called again. */
  async end(event: Omit<DoneEvent, "seq" | "at">): Promise<void> {
    if (!this.done) this.append(event);
    await this.stored();
    await this.#store.put(this.#prefix + WHOLE, format(this.#events));
    await this.#store.remove(this.#segments);
    this.#segments = [];
  }

  /**
   * Events after number `after`, as they are stored, to the last one.
   * @throws Fault store_unavailable when the store takes no event for a while; all that follow later find them nevertheless
   */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<PushEvent> {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    for (let next = after; ; ) {
      while (next < this.#stored) {
        const event = this.#events[next++];
        if (!event) continue;
        yield event;
        if (event.type === "done") return;
      }
      if (signal.aborted || (this.done && next >= this.#events.length)) return;
      const told = this.#events.length;
      const news = Promise.race([this.#wake.promise, aborted.promise]).then(() => true);
      if (!(await within(this.#tellMs, news)) && this.#stored < told)
        throw new Fault("store_unavailable", "the S3 store does not answer, and what happens is told once it has it");
    }
  }

  /** One flush at a time; it goes on as long as there is something to store. */
  async #flush(): Promise<void> {
    while (this.#stored < this.#events.length) {
      await Bun.sleep(GATHER_MS);
      const part = this.#events.slice(this.#stored);
      const key = `${this.#prefix}${String(this.#stored + 1).padStart(9, "0")}`;
      await this.#keep(key, format(part));
      this.#segments.push(key);
      this.#stored += part.length;
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    }
    this.#flushing = undefined;
  }

  /** Stores a segment, however often the store fails. Each time the same one: an attempt that was given up may still arrive. */
  async #keep(key: string, bytes: Uint8Array): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        const put = this.#store.put(key, bytes).then(() => true);
        if (await within(SILENCE_MS, put)) return;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        await Bun.sleep(Math.min(5000, 100 * 2 ** failures));
      }
    }
  }
}

function format(events: readonly PushEvent[]): Uint8Array {
  return Bun.zstdCompressSync(events.map((event) => JSON.stringify(event)).join("\n"), { level: 3 });
}

function parse(bytes: Uint8Array): PushEvent[] {
  return Bun.zstdDecompressSync(bytes)
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

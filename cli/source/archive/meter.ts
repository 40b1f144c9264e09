import { archiveFault } from "./archive-fault.ts";

const MIB = 2 ** 20;
/** Bytes that an archive may unpack to. */
const MOST = 20 * 1024 * MIB;
/** Up to here it may be as tight as it likes; beyond, it may grow so many times: source code grows 3 to 10 times. */
const FREE = 256 * MIB;
const RATIO = 200;

/** Counts the bytes that come out of an archive, so that one made to fill the disk is stopped. */
export class Meter {
  readonly #path: string;
  readonly #limit: number;
  readonly #onBytes: ((bytes: number) => void) | undefined;
  #bytes = 0;

  /** @param onBytes told how many there were so far */
  constructor(path: string, size: number, onBytes?: (bytes: number) => void) {
    this.#path = path;
    this.#onBytes = onBytes;
    this.#limit = Math.min(MOST, Math.max(FREE, RATIO * size));
  }

  /** @throws Fault archive_invalid when it is too much */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#onBytes?.(this.#bytes);
    if (this.#bytes <= this.#limit) return;
    const why = this.#limit === MOST ? "an archive may have" : `one so small may have (${RATIO} times its size)`;
    throw archiveFault(`the archive unpacks to more than ${Math.round(this.#limit / MIB)} MiB, the most that ${why}`, {
      path: this.#path,
      limit: String(this.#limit),
    });
  }
}

/** A program in a terminal of its own, and what the person in front of it sees and types. */
export class Terminal implements Disposable {
  readonly #child: Bun.Subprocess;
  #shown = "";
  #wake = Promise.withResolvers<void>();

  constructor(command: string[], options: { cwd?: string; env?: Record<string, string>; columns?: number; rows?: number } = {}) {
    const { columns = 100, rows = 30, ...rest } = options;
    const decoder = new TextDecoder();
    const data = (_: unknown, bytes: Uint8Array) => {
      this.#shown += decoder.decode(bytes, { stream: true });
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    };
    this.#child = Bun.spawn(command, { ...rest, terminal: { cols: columns, rows, data } });
  }

  /** All that the screen was told so far. */
  get shown(): string {
    return this.#shown;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  type(text: string): void {
    this.#child.terminal?.write(text);
  }

  resize(columns: number, rows: number): void {
    this.#child.terminal?.resize(columns, rows);
  }

  /** Waits until what is shown, from position `from` on, fits; gives the position after it. A program that ends first fails the wait. */
  async until(expected: RegExp, from = 0): Promise<number> {
    let ended = false;
    void this.exited.then(() => {
      ended = true;
      this.#wake.resolve();
    });
    for (;;) {
      const found = expected.exec(this.#shown.slice(from));
      if (found) return from + found.index + found[0].length;
      if (ended) throw new Error(`the program ended; it has shown: ${this.#shown}`);
      await this.#wake.promise;
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill();
    this.#child.terminal?.close();
  }
}

import type { Context } from "../context.ts";

/** The person's terminal. */
export interface Terminal {
  /** Keys go through as they are typed, ^C included; calls `resized` with the size now and whenever it changes. Returns the way back. */
  enter(resized: (columns: number, rows: number) => void): () => void;
}

interface Tty {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  setRawMode?(raw: boolean): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** The terminal that stdin and stdout both are; undefined when one is not: what goes into a file must not be changed for a screen. */
export function terminalOf({ stdin, stdout }: Pick<Context, "stdin" | "stdout">): Terminal | undefined {
  const input = stdin as unknown as Tty;
  const output = stdout as unknown as Tty;
  if (!input.isTTY || !output.isTTY) return undefined;
  return {
    enter: (resized) => {
      const tell = () => resized(output.columns ?? 80, output.rows ?? 24);
      input.setRawMode?.(true);
      output.on("resize", tell);
      tell();
      return () => {
        output.off("resize", tell);
        input.setRawMode?.(false);
      };
    },
  };
}

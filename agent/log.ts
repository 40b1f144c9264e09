export type Log = (message: string, facts?: Record<string, unknown>) => void;

/** The agent's log: a JSON line a message on stdout, errors with their stacks; secrets hide themselves (shared/secret.ts). */
export function jsonLog(write: (line: string) => void): Log {
  return (message, facts = {}) => {
    const plain = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, value instanceof Error ? describe(value) : value]));
    write(`${JSON.stringify({ at: new Date().toISOString(), message, ...plain })}\n`);
  };
}

function describe(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own}\ncaused by ${describe(error.cause)}` : own;
}

/** Work that is done over and over beside a test. */
export interface Load extends AsyncDisposable {
  done: number;
  failures: string[];
  /** Resolves when the work was begun and ended `times` times more. */
  more(times: number): Promise<void>;
}

/** Does `work` again and again, with a pause in between, until the test ends; what it throws is a failure. */
export function load(pauseMs: number, work: (turn: number) => Promise<void>): Load {
  const waiting = new Set<{ at: number; reached: () => void }>();
  const stop = Promise.withResolvers<void>();
  let stopped = false;
  const state: Load = {
    done: 0,
    failures: [],
    async more(times) {
      const { promise, resolve } = Promise.withResolvers<void>();
      // What is under way now began before.
      waiting.add({ at: state.done + times + 1, reached: resolve });
      await promise;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      stop.resolve();
      await ended;
    },
  };
  const ended = (async () => {
    for (let turn = 1; !stopped; turn++) {
      await work(turn).catch((error) => state.failures.push(`${new Date().toISOString()} ${error instanceof Error ? error.message : error}`));
      state.done++;
      for (const one of waiting) if (state.done >= one.at) one.reached();
      await Promise.race([stop.promise, Bun.sleep(pauseMs)]);
    }
  })();
  return state;
}

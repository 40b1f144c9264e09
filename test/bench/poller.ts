const REQUEST_MS = 5000;

/** One answer of an app, or why there was none. Times are of `performance.now()`. */
export interface Answer {
  asked: number;
  answered: number;
  /** What the app said; undefined when the request failed. */
  version: string | undefined;
  failure?: string;
}

/** Asks once, over a connection of its own. Never throws. */
export async function ask(url: string): Promise<Answer> {
  const asked = performance.now();
  try {
    const response = await fetch(url, { keepalive: false, redirect: "manual", signal: AbortSignal.timeout(REQUEST_MS) });
    const text = await response.text();
    const answered = performance.now();
    return response.ok ? { asked, answered, version: text } : { asked, answered, version: undefined, failure: `status ${response.status}` };
  } catch (error) {
    return { asked, answered: performance.now(), version: undefined, failure: error instanceof Error ? error.message : String(error) };
  }
}

const LOOK_EVERY_MS = 10;

/** Watches a URL and tells when `version` answered there for the first time; at the latest after `limitMs`. */
export async function firstSeen(url: string, version: string, limitMs = 120_000): Promise<number> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask(url);
    if (answer.version === version) return answer.answered;
    if (answer.answered > end) throw new Error(`${url} did not answer ${version} in ${limitMs / 1000} s, but ${answer.version ?? answer.failure}`);
    await Bun.sleep(Math.max(0, answer.asked + LOOK_EVERY_MS - performance.now()));
  }
}

/** Asks a URL at an even pace, whether or not the requests before have been answered. */
export class SteadyPoller {
  readonly answers: Answer[] = [];
  readonly #timer: Timer;
  readonly #open = new Set<Promise<void>>();

  constructor(url: string, perSecond: number) {
    this.#timer = setInterval(() => {
      const request: Promise<void> = ask(url).then((answer) => {
        this.answers.push(answer);
        this.#open.delete(request);
      });
      this.#open.add(request);
    }, 1000 / perSecond);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }
}

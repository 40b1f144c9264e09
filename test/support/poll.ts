/** Asks a URL 20 times a second, each time on a new connection. */
export interface Poll {
  /** What it was answered, in order. */
  answers: string[];
  stop(): Promise<void>;
}

const EVERY_MS = 50;

export function poll(url: string, init: RequestInit & { tls?: object } = {}): Poll {
  const answers: string[] = [];
  const asked: Promise<void>[] = [];
  const ask = async () => {
    const response = await fetch(url, { ...init, keepalive: false });
    answers.push(response.ok ? await response.text() : `status ${response.status}`);
  };
  const timer = setInterval(() => asked.push(ask().catch((error) => void answers.push(String(error)))), EVERY_MS);
  const stop = async () => {
    clearInterval(timer);
    await Promise.all(asked);
  };
  return { answers, stop };
}

/** Asks a URL 20 times a second; what it was answered, in order. */
export function poll(url: string): { answers: string[]; stop: () => Promise<void> } {
  const answers: string[] = [];
  const asked: Promise<void>[] = [];
  const ask = async () => {
    const response = await fetch(url, { keepalive: false });
    answers.push(response.ok ? await response.text() : `status ${response.status}`);
  };
  const timer = setInterval(() => asked.push(ask().catch((error) => void answers.push(String(error)))), 50);
  const stop = async () => {
    clearInterval(timer);
    await Promise.all(asked);
  };
  return { answers, stop };
}

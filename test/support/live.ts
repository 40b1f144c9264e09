import type { PushEvent } from "#shared/push-event";

/** Lines of JSON as they come, of a running push's `-o events` above all. Not by shared/lines.ts: a CLI that a test kills may leave half a line, which is no event. */
export async function* live<T = PushEvent>(stream: ReadableStream<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line !== "").map((line) => JSON.parse(line));
  }
}

/** Text that nothing makes smaller and that was in no other push. */
export function randomText(bytes: number): string {
  return (
    Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)))
      .toString("base64")
      .repeat(Math.ceil(bytes / 87_384))
      .slice(0, bytes - 16) + crypto.randomUUID().slice(0, 16)
  );
}

import { randomUUID } from "node:crypto";
import type { PlaceReason } from "#shared/places";
import type { ProbeOrder } from "#shared/probe";
import { fetchWay } from "#shared/proxy";
import type { Secret } from "#shared/secret";
import { isUntrusted } from "#shared/untrusted";

const ANSWER_MS = 15_000;

type Order = Extract<ProbeOrder, { hop: "build-s3" }>;

/** Writes, reads and removes an object by its URLs; undefined when it goes well. */
export async function buildS3({ endpoint, urls, ca, proxy }: Order): Promise<{ reason: PlaceReason; detail: string } | undefined> {
  const text = randomUUID();
  const send = (url: string, init: RequestInit = {}) => fetch(url, { ...init, ...fetchWay({ ca, proxy }), signal: AbortSignal.timeout(ANSWER_MS) });
  const ask = async (url: Secret, init: RequestInit = {}) => {
    const answer = await send(url.reveal(), init);
    const body = await answer.text();
    if (!answer.ok) throw new Refusal(answer.status, body);
    return body;
  };
  try {
    if (!urls) return void (await send(endpoint));
    await ask(urls.put, { method: "PUT", body: text });
    const read = await ask(urls.get);
    await ask(urls.remove, { method: "DELETE" });
    return read === text ? undefined : { reason: "other", detail: "what is written is not what is read" };
  } catch (error) {
    return { reason: reasonOf(error), detail: error instanceof Error ? error.message : String(error) };
  }
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, body: string) {
    const code = /<Code>(\w+)<\/Code>/.exec(body)?.[1] ?? "";
    super(`status ${status} ${code}`.trim());
    this.status = status;
    this.code = code;
  }
}

function reasonOf(error: unknown): PlaceReason {
  if (isUntrusted(error)) return "certificate";
  if (!(error instanceof Refusal)) return "unreachable";
  if (error.code === "RequestTimeTooSkewed") return "clock";
  return error.status === 403 ? "login" : "other";
}

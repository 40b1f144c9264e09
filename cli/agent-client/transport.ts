import { Fault, FaultWire } from "#shared/fault";
import type { Transport, WireRequest } from "#shared/rpc-client";
import type { Secret } from "#shared/secret";
import type { Context } from "../context.ts";
import { fetchFault, unreachable } from "./fetch-fault.ts";
import type { Tokens } from "./tokens.ts";

/** Sends one request with a token. @throws Fault when the agent gives no answer of its own */
export type Send = (path: string, request: WireRequest, token: Secret) => Promise<Response>;

const STREAM = "application/x-ndjson";
type World = Pick<Context, "pause" | "signal" | "err">;

/** How often, after how long and until when a request is tried again, and what is said of it. */
interface Patience {
  retry: "true" | "away";
  waitsMs: readonly number[];
  saying: string;
}
/** About ten seconds in all. */
const UNANSWERED: Patience = { retry: "true", waitsMs: [100, 200, 400, 800, 1500, 2000, 2000, 3000], saying: "trying again for some seconds" };
/** About two minutes: an agent that is replaced is back by then, or one that `davit migrate` paused. */
const AWAY: Patience = { retry: "away", waitsMs: [...UNANSWERED.waitsMs, ...Array<number>(37).fill(3000)], saying: "waiting two minutes for it" };
/** After so many, its user is told what davit waits for. */
const QUIET_TRIES = 3;
/** Streams have a heartbeat every 10 s; a connection that is silent for this long is dead, whatever TCP thinks. */
const SILENCE_MS = 35_000;

/**
 * Lets an answer out only when all of it is here, streams excepted: an agent that is killed while it answers is then
 * as away as one that never answered, and what answers in its stead is not mistaken for it.
 */
export function withWholeAnswers(send: Send, server: string): Send {
  return async (path, request, token) => {
    try {
      const response = await send(path, request, token);
      const type = response.headers.get("content-type") ?? "";
      if (type.startsWith(STREAM)) return response;
      const bytes = await response.arrayBuffer();
      if (response.ok && !type.startsWith("application/json")) throw unreachable(server, "is not there: something else answers", { retry: false });
      return new Response(bytes, response);
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw error instanceof Fault ? error : fetchFault(server, error);
    }
  };
}

/** Adds a token to each request; after a `token_rejected` once more with a new one, where there is one. */
export function withToken(send: Send, tokens: Tokens): Transport {
  return async (path, request) => {
    const response = await send(path, request, await tokens.get());
    if (response.status !== 401) return response;
    const text = await response.text();
    const renewed = rejectsToken(text) ? await tokens.renew() : undefined;
    return renewed ? await send(path, request, renewed) : new Response(text, { status: 401 });
  };
}

function rejectsToken(text: string): boolean {
  try {
    return FaultWire.parse(JSON.parse(text).fault).code === "token_rejected";
  } catch {
    return false;
  }
}

/** Tries a request again that got no answer. Requests of the contract may all be repeated: they carry what they mean. */
export function withRetries(transport: Transport, context: World): Transport {
  return patiently(transport, context, UNANSWERED);
}

/** Has a request wait for an agent that is away, as while it is replaced. */
export function withWaiting(transport: Transport, context: World): Transport {
  return patiently(transport, context, AWAY);
}

function patiently(transport: Transport, context: World, { retry, waitsMs, saying }: Patience): Transport {
  let said = false;
  return async (path, request) => {
    const signal = request.signal ?? context.signal;
    for (let tries = 0; ; tries++) {
      try {
        const response = await transport(path, request);
        said = false;
        return response;
      } catch (error) {
        const wait = waitsMs[tries];
        if (wait === undefined || signal.aborted || !(error instanceof Fault) || error.details.retry !== retry) throw error;
        // Of requests side by side, one says it.
        if (tries >= QUIET_TRIES && !said) context.err(`${error.message}; ${saying}`);
        said ||= tries >= QUIET_TRIES;
        await context.pause(wait, signal);
      }
    }
  };
}

/** Ends streams that fell silent, so that a half-open connection is noticed. */
export function withHeartbeat(transport: Transport, silenceMs: number = SILENCE_MS): Transport {
  return async (path, request) => {
    const response = await transport(path, request);
    if (!response.body || !response.headers.get("content-type")?.startsWith(STREAM)) return response;
    return new Response(endSilence(response.body, silenceMs), response);
  };
}

function endSilence(body: ReadableStream<Uint8Array>, silenceMs: number): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const silence = Promise.withResolvers<never>();
      const timer = setTimeout(() => silence.reject(new Error(`nothing was heard for ${silenceMs} ms`)), silenceMs);
      try {
        const { done, value } = await Promise.race([reader.read(), silence.promise]);
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
        await reader.cancel().catch(() => {});
      } finally {
        clearTimeout(timer);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

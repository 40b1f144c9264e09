import { Fault, FaultWire } from "#shared/fault";
import type { Transport, WireRequest } from "#shared/rpc-client";
import type { Secret } from "#shared/secret";
import type { Context } from "../context.ts";
import { fetchFault, unreachable } from "./fetch-fault.ts";
import type { Tokens } from "./tokens.ts";

/** Sends one request with a token. @throws Fault when the agent gives no answer of its own */
export type Send = (path: string, request: WireRequest, token: Secret) => Promise<Response>;

const STREAM = "application/x-ndjson";
/** About ten seconds in all: a restarting agent is back by then. */
const RETRY_MS = [100, 200, 400, 800, 1500, 2000, 2000, 3000];
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

/** Tries a request again while the agent is not there. Requests of the contract may all be repeated: they carry what they mean. */
export function withRetries(transport: Transport, context: Pick<Context, "pause" | "signal" | "err">): Transport {
  return async (path, request) => {
    const signal = request.signal ?? context.signal;
    for (let retry = 0; ; retry++) {
      try {
        return await transport(path, request);
      } catch (error) {
        const wait = RETRY_MS[retry];
        if (wait === undefined || signal.aborted || !(error instanceof Fault) || !error.details.retry) throw error;
        if (retry === 3) context.err(`${error.message}; trying again for some seconds`);
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

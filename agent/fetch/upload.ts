import { api } from "#shared/api";
import { Fault } from "#shared/fault";
import { client, type Transport } from "#shared/rpc-client";
import type { SourceSink } from "#shared/source/upload";
import { isUntrusted } from "#shared/untrusted";
import { pause } from "#shared/within";
import type { FetchOrder } from "./order.ts";

interface Patience {
  /** An agent that is replaced is back by then. */
  totalMs: number;
  /**
   * One that is killed, or whose node has died, does not refuse a connection, it is silent, so the first attempt ends soon.
   * One that is slow gets more time with each attempt: all that it is asked may be asked twice.
   */
  attemptMs: number;
  retryMs: number;
}
const PATIENCE: Patience = { totalMs: 120_000, attemptMs: 4000, retryMs: 500 };

/** The agent that gave the order, as the one that takes the source. */
export function agentSink(agent: FetchOrder["agent"], patience = PATIENCE): SourceSink {
  const { negotiate, putPack } = client(api, transport(agent, patience));
  const { namespace } = agent;
  return {
    negotiate: async (body, signal) => {
      let bytes = 0;
      const onSent = (sent: number) => {
        bytes = sent;
      };
      return { ...(await negotiate({ namespace, body }, { signal, onSent })), bytes };
    },
    putPack: async (pack, body, signal) => {
      await putPack({ namespace, pack, body }, { signal });
    },
  };
}

function transport({ url, ca, token }: FetchOrder["agent"], { totalMs, attemptMs, retryMs }: Patience): Transport {
  return async (path, request) => {
    const headers = { ...request.headers, authorization: `Bearer ${token}` };
    const until = Date.now() + totalMs;
    for (let limitMs = attemptMs; ; await pause(retryMs, request.signal)) {
      const silence = AbortSignal.timeout(limitMs);
      try {
        const signal = AbortSignal.any([...(request.signal ? [request.signal] : []), silence]);
        // A connection that is kept may be one to an agent that is gone.
        const response = await fetch(url + path, { ...request, headers, signal, redirect: "error", keepalive: false, tls: { ca } });
        // An answer that is cut is none: it has to be here as a whole.
        return new Response(await response.arrayBuffer(), response);
      } catch (cause) {
        if (request.signal?.aborted) throw request.signal.reason;
        if (silence.aborted) limitMs *= 2;
        if (isUntrusted(cause) || Date.now() > until)
          throw new Fault("agent_unreachable", `the agent does not take the source: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
  };
}

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
  /** One whose node has died does not refuse a connection, it is silent. */
  attemptMs: number;
  retryMs: number;
}
const PATIENCE: Patience = { totalMs: 120_000, attemptMs: 60_000, retryMs: 500 };

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
    for (const until = Date.now() + totalMs; ; await pause(retryMs, request.signal)) {
      try {
        const signal = AbortSignal.any([...(request.signal ? [request.signal] : []), AbortSignal.timeout(attemptMs)]);
        // A connection that is kept may be one to an agent that is gone.
        const response = await fetch(url + path, { ...request, headers, signal, redirect: "error", keepalive: false, tls: { ca } });
        // An answer that is cut is none: it has to be here as a whole.
        return new Response(await response.arrayBuffer(), response);
      } catch (cause) {
        if (request.signal?.aborted) throw request.signal.reason;
        if (isUntrusted(cause) || Date.now() > until)
          throw new Fault("agent_unreachable", `the agent does not take the source: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
  };
}

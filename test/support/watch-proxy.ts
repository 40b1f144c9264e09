import { Kube } from "#shared/kube/client";

/** A way to an API server that can be cut. */
export interface WatchProxy extends Disposable {
  /** An administrator who acts as somebody else, by this way. */
  as(user: string): Kube;
  /** Until it is mended, nothing answers; watches that were open then stay silent for ever, as over a half-open connection. */
  cut(): void;
  mend(): void;
  /** How many requests, watches excepted, were under way at once at most. */
  mostAtOnce: number;
  /** Of every request that changes something, `METHOD path`. */
  writes: string[];
}

/** A proxy before a control plane's API server. */
export function startWatchProxy({ server, token }: { server: string; token: string }): WatchProxy {
  const state = { cuts: 0, isCut: false, now: 0 };
  const proxy = { mostAtOnce: 0, writes: [] as string[] };
  const front = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      if (state.isCut) return new Response(null, { status: 503 });
      const { pathname, search, searchParams } = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.delete("host");
      const init = {
        method: request.method,
        headers,
        body: request.body,
        tls: { rejectUnauthorized: false },
        timeout: false,
        signal: request.signal,
      };
      if (searchParams.get("watch")) {
        const answer = await fetch(`${server}${pathname}${search}`, init);
        return new Response(untilCut(answer.body, state), answer);
      }
      if (request.method !== "GET") proxy.writes.push(`${request.method} ${pathname}`);
      proxy.mostAtOnce = Math.max(proxy.mostAtOnce, ++state.now);
      try {
        const answer = await fetch(`${server}${pathname}${search}`, init);
        return new Response(await answer.bytes(), { status: answer.status, headers: { "content-type": "application/json" } });
      } finally {
        state.now--;
      }
    },
  });
  const as = (user: string) => {
    const headers = { authorization: `Bearer ${token}`, "impersonate-user": user };
    return new Kube({ server: front.url.origin, tls: {}, headers: async () => headers });
  };
  return Object.assign(proxy, {
    as,
    cut: () => void Object.assign(state, { cuts: state.cuts + 1, isCut: true }),
    mend: () => void Object.assign(state, { isCut: false }),
    [Symbol.dispose]: () => void front.stop(true),
  });
}

async function* untilCut(body: ReadableStream<Uint8Array> | null, state: { cuts: number }): AsyncGenerator<Uint8Array> {
  const { cuts } = state;
  for await (const chunk of body ?? []) {
    if (state.cuts !== cuts) await new Promise(() => {});
    yield chunk;
  }
}

import { expect, test } from "bun:test";
import { z } from "zod";
import { Fault, toFault } from "./fault.ts";
import { PushEvent } from "./push-event.ts";
import { json, stream } from "./rpc.ts";
import { client, type Transport } from "./rpc-client.ts";
import { serve } from "./rpc-server.ts";

const contract = {
  params: { id: z.coerce.number<string | number>().int() },
  endpoints: {
    double: json({
      method: "POST",
      path: "/double/:id",
      query: z.object({ plus: z.coerce.number<string | number>().default(0) }),
      body: z.object({ text: z.string() }),
      output: z.object({ answer: z.string() }),
    }),
    size: json({ method: "PUT", path: "/size", body: "bytes", output: z.number() }),
    count: stream({ method: "GET", path: "/count/:id", output: z.number() }),
  },
} as const;

const bugs: unknown[] = [];
const answer = serve(
  contract,
  {
    double: async ({ id, query, body }) => {
      if (id === 13) throw new Fault("app_not_found", "no 13", { details: { app: "13" } });
      if (id === 14) throw new Error("oh no");
      return { answer: `${id * 2 + query.plus} ${(await body()).text}` };
    },
    size: async ({ body }) => (await body()).length,
    count: async function* ({ id }) {
      for (let number = 1; number <= Math.abs(id); number++) yield number;
      if (id < 0) throw new Fault("store_unavailable", "gone");
    },
  },
  { authenticate: async () => undefined, toFault, onBug: (error) => bugs.push(error) },
);
const transport: Transport = (path, request) => answer(new Request(`http://agent${path}`, request));
const api = client(contract, transport);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test("a call carries path, query and body there, and the answer back", async () => {
  const text = "long enough to be squeezed ".repeat(100);
  let sent = 0;
  expect(await api.double({ id: 4, query: { plus: 1 }, body: { text } }, { onSent: (bytes) => (sent = bytes) })).toEqual({ answer: `9 ${text}` });
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(text.length / 4);
  expect(await api.size({ body: new Uint8Array(70_000) })).toBe(70_000);
});

test("a fault arrives with its code and details; what is no fault arrives as a bug and is reported", async () => {
  const call = (id: number) => api.double({ id, query: {}, body: { text: "" } });
  await expect(call(13)).rejects.toMatchObject({ name: "Fault", code: "app_not_found", details: { app: "13" } });
  await expect(call(14)).rejects.toMatchObject({ code: "bug" });
  expect(bugs.map(String)).toEqual(["Error: oh no"]);
});

test("what does not fit the contract is a usage fault that names the field", async () => {
  const wrong = await answer(new Request("http://agent/double/1", { method: "POST", body: '{"text": 1}' }));
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ fault: { code: "usage", details: { field: "body.text" } } });
  expect((await answer(new Request("http://agent/double/x", { method: "POST", body: "{}" }))).status).toBe(400);
  expect((await answer(new Request("http://agent/nowhere"))).status).toBe(400);
  expect((await answer(new Request("http://agent/count/1", { headers: { "davit-protocol": "99" } }))).status).toBe(400);
});

test("a stream tells all, then its end or its fault; one that is cut off is never taken for ended", async () => {
  expect(await collect(api.count({ id: 3 }))).toEqual([1, 2, 3]);
  await expect(collect(api.count({ id: -2 }))).rejects.toMatchObject({ code: "store_unavailable" });
  const cut = client(contract, async () => new Response('{"item":1}\n{"heartbeat":true}\n{"item":2}\n'));
  const seen: number[] = [];
  const reading = (async () => {
    for await (const number of cut.count({ id: 9 })) seen.push(number);
  })();
  await expect(reading).rejects.toMatchObject({ code: "agent_lost" });
  expect(seen).toEqual([1, 2]);
});

test("an answer of something that is no agent says so", async () => {
  const proxy = client(contract, async () => new Response("<html>502 Bad Gateway</html>", { status: 502 }));
  await expect(proxy.size({ body: new Uint8Array(1) })).rejects.toMatchObject({ code: "agent_unreachable", details: { status: "502" } });
});

test("what only a newer agent says is understood as far as it goes", async () => {
  const newer = client(contract, async () => Response.json({ fault: { code: "too_hot", message: "the node is too hot" } }, { status: 503 }));
  const message = "the node is too hot (from a newer agent: this davit does not know 'too_hot')";
  await expect(newer.size({ body: new Uint8Array(1) })).rejects.toMatchObject({ code: "version_skew", message });
  const event = PushEvent.parse({ seq: 3, at: 1, type: "weather", sky: "blue" });
  expect(event).toMatchObject({ seq: 3, type: "notice" });
  expect(PushEvent.safeParse({ seq: 3, at: 1, type: "log", phase: "stage" }).success).toBe(false);
});

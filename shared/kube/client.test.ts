import { expect, test } from "bun:test";
import { Kube } from "./client.ts";

/** An API server that puts the first requests off. */
function busy(times: number, retryAfter: string) {
  const bodies: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      bodies.push(await request.text());
      if (bodies.length > times) return Response.json({ items: [] });
      return Response.json({ message: "storage is (re)initializing" }, { status: 429, headers: { "retry-after": retryAfter } });
    },
  });
  const kube = new Kube({ server: server.url.origin, tls: {}, headers: async () => ({}) });
  return { kube, bodies, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("what the API server puts off is asked again, with its body, when it says", async () => {
  await using server = busy(2, "0.01");
  expect(await server.kube.json("/apis", { method: "POST", body: { a: 1 } })).toEqual({ items: [] });
  expect(server.bodies).toEqual(Array(3).fill('{"a":1}'));
});

test("an API server that puts everything off is a fault in the end, and one that does not say until when at once", async () => {
  await using server = busy(100, "0.001");
  const fault = { code: "cluster_unreachable", message: expect.stringContaining("storage is (re)initializing") };
  await expect(server.kube.json("/apis")).rejects.toMatchObject(fault);
  expect(server.bodies).toHaveLength(10);
  await using silent = busy(100, "");
  await expect(silent.kube.json("/apis")).rejects.toMatchObject(fault);
  expect(silent.bodies).toHaveLength(1);
});

test("whoever does not want to wait any more does not", async () => {
  await using server = busy(100, "5");
  await expect(server.kube.json("/apis", { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: "TimeoutError" });
});

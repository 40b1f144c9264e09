import { expect, test } from "bun:test";
import { sha256 } from "#shared/pack";
import { readTree } from "#shared/source/read-tree";
import { faultOf, tempTree } from "#shared/source/testing/temp-tree";
import { sendSource } from "#shared/source/upload";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { treeId } from "#shared/tree";
import { FakeAgent, TOKEN } from "#test/fake-agent";
import { agentSink } from "./upload.ts";

const PATIENCE = { totalMs: 20_000, attemptMs: 300, retryMs: 5 };
const signal = () => new AbortController().signal;

/** An agent with the certificate of a Service, reached by the address that it has here. */
async function tlsAgent() {
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: ["127.0.0.1"] });
  const agent = new FakeAgent({ tls: { cert: leaf.certificate, key: leaf.key.reveal() } });
  return { agent, leaf, order: { url: agent.url, ca: authority.certificate, token: TOKEN, namespace: "apps" } };
}

test("a source goes to the agent over TLS that its own CA has signed", async () => {
  const { agent, order } = await tlsAgent();
  using _ = agent;
  using tree = tempTree({ a: "text", "b/c": "more" });
  const { entries } = await readTree({ root: tree.path });
  const sent = await sendSource({ root: tree.path, entries, agent: agentSink(order, PATIENCE) });
  expect([...agent.trees.keys()]).toEqual([treeId(entries)]);
  expect(sent.sent.chunks).toBe(2);
  expect([...agent.chunks].sort()).toEqual([sha256("text"), sha256("more")].sort());
});

test("an agent that is silent is asked again", async () => {
  const { agent, leaf, order } = await tlsAgent();
  using _ = agent;
  let requests = 0;
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: leaf.certificate, key: leaf.key.reveal() },
    fetch: () => (++requests === 1 ? new Promise<Response>(() => {}) : Response.json({ missing: [] })),
  });
  const sink = agentSink({ ...order, url: server.url.origin }, PATIENCE);
  expect(await sink.negotiate({ tree: "0".repeat(64), entries: [] }, signal())).toMatchObject({ missing: [] });
  expect(requests).toBe(2);
});

test("an agent that is slow has more time with each attempt", async () => {
  const { agent, leaf, order } = await tlsAgent();
  using _ = agent;
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: leaf.certificate, key: leaf.key.reveal() },
    fetch: async () => {
      await Bun.sleep(100);
      return Response.json({ missing: [] });
    },
  });
  const sink = agentSink({ ...order, url: server.url.origin }, { ...PATIENCE, attemptMs: 5 });
  expect(await sink.negotiate({ tree: "0".repeat(64), entries: [] }, signal())).toMatchObject({ missing: [] });
});

test("an agent that is away and comes back is waited for", async () => {
  const { agent, leaf, order } = await tlsAgent();
  const port = agent.server.port ?? 0;
  await agent.server.stop(true);
  const { entries } = await readTree({ root: import.meta.dir });
  const negotiated = agentSink(order, PATIENCE).negotiate({ tree: treeId(entries), entries }, signal());
  using back = new FakeAgent({ tls: { cert: leaf.certificate, key: leaf.key.reveal() }, port });
  expect((await negotiated).missing.length).toBeGreaterThan(0);
  expect(back.requests).toEqual(["POST /v1/namespaces/apps/sources"]);
});

test("what the agent refuses is told at once, and so is an agent that is somebody else", async () => {
  const { agent, order } = await tlsAgent();
  using _ = agent;
  const upload = { tree: "0".repeat(64), entries: [] };
  expect((await faultOf(agentSink({ ...order, token: "other" }, PATIENCE).negotiate(upload, signal()))).code).toBe("token_rejected");
  expect((await faultOf(agentSink({ ...order, ca: (await newAuthority()).certificate }, PATIENCE).negotiate(upload, signal()))).code).toBe(
    "agent_unreachable",
  );
  expect(agent.requests).toHaveLength(1);
});

test("an agent that does not come back is given up", async () => {
  const { agent, order } = await tlsAgent();
  await agent.server.stop(true);
  const fault = await faultOf(agentSink(order, { ...PATIENCE, totalMs: 30 }).negotiate({ tree: "0".repeat(64), entries: [] }, signal()));
  expect(fault.code).toBe("agent_unreachable");
});

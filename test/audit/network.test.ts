import { expect, test } from "bun:test";
import { manifest } from "#cli/install/manifests";
import type { KubeObject, V1NetworkPolicy } from "#shared/kube/objects";
import { type Recorded, recordedClusters } from "#test/audit/recorded";
import { connectionsOf, describeConnection, isProbe } from "#test/network/ends";
import { type Connection, type End, inRange, judge, READINGS } from "#test/network/policy";

/*
 * The network's rules against the connections that a whole run of the end-to-end tests made. The lab has no plugin that would
 * hold anybody to the rules, so here each connection is judged: what happened has to be allowed. What has to be forbidden is
 * said by test/unit/network-rules.test.ts.
 */

const OWN = ["davit", "davit-staging", "davit-node"];

// Two are there only while nodes pull by other ways than the first, which the run does for a while.
const forOtherWays = [...manifest("registryNodeport"), ...manifest("registryPublic")].filter(
  ({ kind }) => kind === "NetworkPolicy",
) as V1NetworkPolicy[];
const recorded = await Promise.all((await recordedClusters(process.env)).map(judged));
const connections = recorded.flatMap((cluster) => cluster.connections);

/** What davit's own Pods took part in, and what to judge that by. */
async function judged({ recording, api }: Recorded) {
  const policies = [...(await api.list<V1NetworkPolicy>({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" })), ...forOtherWays];
  const nodes = await api.list<KubeObject & { spec?: { podCIDRs?: string[] } }>({ apiVersion: "v1", kind: "Node" });
  const podCidrs = nodes.flatMap(({ spec }) => spec?.podCIDRs ?? []);
  const connections = connectionsOf(recording).filter(({ source, destination }) => isOwn(source) || isOwn(destination));
  return { policies, podCidrs, connections, pods: recording.pods };
}

function isOwn(end: End): boolean {
  return end.kind === "pod" && OWN.includes(end.namespace);
}

const kinds = (some: readonly Connection[]) => [...new Set(some.map(describeConnection))].sort();

test("the rules that are judged by are there", () => {
  for (const { policies, podCidrs } of recorded) {
    const namespaces = new Set(policies.map(({ metadata }) => metadata?.namespace ?? ""));
    expect(OWN.filter((name) => !namespaces.has(name))).toEqual([]);
    expect(podCidrs).not.toEqual([]);
  }
});

test("the run was seen: each kind of connection that a push needs is among what was recorded", () => {
  const seen = kinds(connections);
  for (const expected of [
    /^davit\/agent -> davit\/s3 TCP 7070$/,
    /^davit\/agent -> davit\/registry TCP 5000$/,
    /^davit\/agent -> node [\d.]+ TCP 6443$/,
    /^davit\/agent -> kube-system\/\S+ UDP 53$/,
    // To an app's new Pod, past every Service.
    /^davit\/agent -> [a-z]+-[0-9a-f]{6}\/\S+ TCP 8080$/,
    /^davit-staging\/staging -> davit\/s3 TCP 7070$/,
    /^davit-staging\/staging -> davit\/registry TCP 5000$/,
    /^davit-staging\/fetch -> davit\/agent TCP 8443$/,
    /^kube-system\/\S+ -> davit\/agent TCP 8080$/,
    /^node [\d.]+ -> davit\/registry TCP 5000$/,
  ]) {
    expect({ expected, seen: seen.some((connection) => expected.test(connection)) ? "yes" : seen }).toEqual({ expected, seen: "yes" });
  }
});

test("whose every address was is known", () => {
  const unknown = recorded.flatMap(({ connections, podCidrs }) =>
    connections.filter(({ source, destination }) =>
      [source, destination].some(({ kind, address }) => kind === "outside" && podCidrs.some((cidr) => inRange(cidr, address))),
    ),
  );
  expect(kinds(unknown)).toEqual([]);
});

test.each(Object.entries(READINGS))("every connection of the run is allowed, where %s", (_, reading) => {
  const refused = recorded.flatMap(({ connections, policies, pods }) =>
    connections.flatMap((connection) => {
      // Its own kubelet reaches a Pod whatever the rules say.
      if (isProbe(connection, pods)) return [];
      const verdict = judge(policies, connection, reading);
      return verdict.allowed ? [] : [`${describeConnection(connection)}: ${verdict.by}`];
    }),
  );
  expect([...new Set(refused)]).toEqual([]);
});

import { expect, test } from "bun:test";
import { clusterName, layoutOf, MAX_NODES, nodesOf, SHARES } from "./layout.ts";

test("without a name it is the default cluster", () => {
  expect(clusterName({})).toBe("default");
  expect(clusterName({ DAVIT_CLUSTER: "" })).toBe("default");
  const layout = layoutOf({ HOME: "/home/ada" });
  expect(layout.state).toBe("/var/lib/davit-cluster");
  expect(nodesOf(layout, 1)).toMatchObject([{ name: "davit-node", netns: "/run/netns/davit", folder: layout.state, hostLink: "davit0" }]);
});

test("a name is part of every path but the cache's", () => {
  const [first, second] = [layoutOf({ HOME: "/home/ada" }), layoutOf({ HOME: "/home/ada", DAVIT_CLUSTER: "second" }, 1)];
  const paths = (layout: typeof first): string[] =>
    Object.values(layout)
      .filter((value) => typeof value === "string")
      .filter((value) => value.startsWith("/"));
  const shared = paths(first).filter((path) => paths(second).includes(path));
  expect(shared.every((path) => path.startsWith("/home/ada/.cache/davit/cluster"))).toBe(true);
  expect(second.state).toBe("/var/lib/davit-cluster-second");
});

test.each(["Second", "a b", "../x", "-x", "x-", "a-name-of-17-letters"])("%p is no name", (name) => {
  expect(() => clusterName({ DAVIT_CLUSTER: name })).toThrow("DAVIT_CLUSTER=");
});

/** First and last address of a range, as numbers. */
function bounds(range: string): [number, number] {
  const [address = "", bits = "32"] = range.split("/");
  const first = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return [first, first + 2 ** (32 - Number(bits)) - 1];
}

test("no two clusters share an address, and all are within 198.18.0.0/15", () => {
  const layouts = Array.from({ length: SHARES }, (_, share) => layoutOf({ DAVIT_CLUSTER: "x" }, share));
  const ranges = layouts.flatMap((layout) => [layout.net.pods, layout.net.services, ...nodesOf(layout, MAX_NODES).map(({ range }) => range)]);
  const sorted = ranges.map(bounds).toSorted(([a], [b]) => a - b);
  for (const [index, [first]] of sorted.entries()) expect(first).toBeGreaterThan(sorted[index - 1]?.[1] ?? 0);
  const [lowest, highest] = bounds("198.18.0.0/15");
  expect(sorted[0]?.[0]).toBeGreaterThanOrEqual(lowest);
  expect(sorted.at(-1)?.[1]).toBeLessThanOrEqual(highest);
});

test("names of links and chains are not too long for the kernel", () => {
  const layout = layoutOf({ DAVIT_CLUSTER: "a-name-16-letter" }, SHARES - 1);
  for (const { hostLink } of nodesOf(layout, MAX_NODES)) expect(hostLink.length).toBeLessThanOrEqual(15);
  expect(layout.net.chain.length).toBeLessThanOrEqual(28);
});

test("no two nodes of a cluster share a name, a path, or Pods' addresses, which are all within the cluster's", () => {
  const layout = layoutOf({}, 3);
  const nodes = nodesOf(layout, MAX_NODES);
  for (const key of ["name", "netns", "hostLink", "cgroup", "folder", "config", "certsD", "containerdSocket", "pods", "address"] as const)
    expect(new Set(nodes.map((node) => node[key])).size).toBe(MAX_NODES);
  const [first, last] = bounds(layout.net.pods);
  for (const { pods } of nodes) expect([bounds(pods)[0] >= first, bounds(pods)[1] <= last]).toEqual([true, true]);
});

import { expect, test } from "bun:test";
import { clusterName, layoutOf, networkOf, SHARES } from "./layout.ts";

test("without a name it is the default cluster", () => {
  expect(clusterName({})).toBe("default");
  expect(clusterName({ DAVIT_CLUSTER: "" })).toBe("default");
  expect(layoutOf({ HOME: "/home/ada" })).toMatchObject({ state: "/var/lib/davit-cluster", netns: "/run/netns/davit" });
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
  const ranges = Array.from({ length: SHARES }, (_, share) => networkOf("x", share)).flatMap(({ nodes, pods, services }) => [nodes, pods, services]);
  const sorted = ranges.map(bounds).toSorted(([a], [b]) => a - b);
  for (const [index, [first]] of sorted.entries()) expect(first).toBeGreaterThan(sorted[index - 1]?.[1] ?? 0);
  const [lowest, highest] = bounds("198.18.0.0/15");
  expect(sorted[0]?.[0]).toBeGreaterThanOrEqual(lowest);
  expect(sorted.at(-1)?.[1]).toBeLessThanOrEqual(highest);
});

test("names of links and chains are not too long for the kernel", () => {
  const { hostLink, chain } = networkOf("a-name-16-letter", SHARES - 1);
  expect(hostLink.length).toBeLessThanOrEqual(15);
  expect(chain.length).toBeLessThanOrEqual(28);
});

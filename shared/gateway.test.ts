import { expect, test } from "bun:test";
import { type Condition, type HttpRoute, isAccepted, refusalOf } from "./gateway.ts";

const ref = { namespace: "edge", name: "public" };
const condition = (type: string, status: string, more: Partial<Condition> = {}): Condition => ({ type, status, observedGeneration: 2, ...more });

test("a route is accepted when its own Gateway says so, and a refusal is told in its words", () => {
  const route = (...conditions: Condition[]): HttpRoute => ({
    metadata: { generation: 2 },
    status: { parents: [{ parentRef: { namespace: "other", name: "public" } }, { parentRef: ref, conditions }] },
  });
  expect([undefined, {}, route()].map((one) => isAccepted(one, ref))).toEqual([false, false, false]);
  expect(isAccepted(route(condition("Accepted", "True")), ref)).toBe(true);
  expect(isAccepted(route(condition("Accepted", "True", { observedGeneration: 1 })), ref)).toBe(false);
  expect(refusalOf(route(condition("Accepted", "True"), condition("ResolvedRefs", "True")), ref)).toBeUndefined();
  expect(refusalOf(route(condition("Accepted", "False", { reason: "NotAllowedByListeners" })), ref)).toBe(
    "the Gateway edge/public says NotAllowedByListeners",
  );
  expect(refusalOf({}, ref)).toContain("has not looked");
});

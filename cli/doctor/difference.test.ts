import { expect, test } from "bun:test";
import { differences } from "./difference.ts";

test("what only the cluster has is no difference, what it lacks or says otherwise is", () => {
  const wanted = { spec: { port: 80, names: ["a", "b"], labels: { level: "restricted" } } };
  expect(differences(wanted, { ...wanted, status: {}, spec: { ...wanted.spec, type: "ClusterIP" } })).toEqual([]);
  expect(differences(wanted, { spec: { port: 81, names: ["a"], labels: {} } })).toEqual(["spec.port", "spec.names", "spec.labels.level"]);
  expect(differences(wanted, { spec: { ...wanted.spec, names: ["a", "c"] } })).toEqual(["spec.names[1]"]);
  expect(differences(wanted, undefined)).toEqual([""]);
  expect(differences({ a: {} }, { a: null })).toEqual(["a"]);
});

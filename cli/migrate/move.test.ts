import { expect, test } from "bun:test";
import { resolveOptions } from "../install/options.ts";
import type { SaidPlaces } from "../places-command.ts";
import { isDone, moveOf } from "./move.ts";

const installed = resolveOptions({ domain: "apps.example.com", images: {}, mirrors: [], certsDirs: [], podCidrs: [] }, {});
const said = (s3: SaidPlaces["s3"], registry: SaidPlaces["registry"] = {}): SaidPlaces => ({ s3, registry, given: {} });
const NOTHING = said({});

test("to an external registry and back, the one before is remembered", () => {
  const there = moveOf("registry", installed, said({}, { place: "r.test/davit" }), false);
  expect(there.target).toMatchObject({ registry: { host: "r.test", prefix: "davit" }, formerRegistry: "built-in" });
  expect(isDone(there)).toBe(false);
  const again = moveOf("registry", there.target, said({}, { place: "r.test/davit" }), false);
  expect(isDone(again)).toBe(true);
  expect(again.target).toEqual(there.target);
  const back = moveOf("registry", there.target, NOTHING, true);
  expect(back.target.registry).toBeUndefined();
  expect(back.target.formerRegistry).toEqual(there.target.registry);
});

test("to an external store and back", () => {
  const flags = { endpoint: "https://s3.test", bucket: "davit", secret: "key" };
  const there = moveOf("s3", installed, said(flags), false);
  expect(there).toMatchObject({ from: "the built-in S3 store", to: "the bucket 'davit' of https://s3.test", target: { s3: flags } });
  expect(isDone(moveOf("s3", there.target, said(flags), false))).toBe(true);
  expect(moveOf("s3", there.target, NOTHING, true).target).toEqual(installed);
});

test("from one external place to another there is no way but over the built-in one", () => {
  const there = moveOf("s3", installed, said({ endpoint: "https://s3.test", bucket: "davit", secret: "key" }), false).target;
  expect(() => moveOf("s3", there, said({ endpoint: "https://other.test" }), false)).toThrow(/no direct way/);
  const registry = moveOf("registry", installed, said({}, { place: "r.test" }), false).target;
  expect(() => moveOf("registry", registry, said({}, { place: "other.test" }), false)).toThrow(/no direct way/);
});

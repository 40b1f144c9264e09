import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Before, Register } from "./register.ts";

const quiet: Before = { quietDevices: ["eth0"], strangeFolders: ["/var/lib/cni"] };
const nothing: Before = { quietDevices: [], strangeFolders: [] };
let root: string;
let register: Register;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "davit-register-"));
  register = new Register(join(root, "clusters"), join(root, "lock"));
});
afterEach(() => rmSync(root, { recursive: true }));

const enter = (name: string, before = quiet): Promise<number> => register.enter(name, async () => before);

async function leave(name: string): Promise<Before | undefined> {
  let putBack: Before | undefined;
  await register.leave(name, async (before) => {
    putBack = before;
  });
  return putBack;
}

test("the default cluster has share 0, others the first that is free, and keep it", async () => {
  expect(await enter("default")).toBe(0);
  expect([await enter("a"), await enter("b"), await enter("a")]).toEqual([1, 2, 1]);
  await leave("a");
  expect([register.shareOf("b"), register.shareOf("c")]).toEqual([2, 1]);
});

test("asking for a share gives it to nobody", () => {
  expect([register.shareOf("a"), register.shareOf("b")]).toEqual([1, 1]);
  expect(existsSync(join(root, "clusters"))).toBe(false);
});

test("the last one to leave puts back how the machine was before the first one", async () => {
  await enter("a");
  await enter("default", nothing);
  expect(await leave("a")).toBeUndefined();
  expect(await leave("default")).toEqual(quiet);
  expect(existsSync(join(root, "clusters"))).toBe(false);
});

test("leaving twice, or without having entered, is fine", async () => {
  expect(await leave("a")).toEqual(nothing);
  await enter("b");
  expect(await leave("a")).toBeUndefined();
  expect(register.clusters()).toEqual(new Map([[1, "b"]]));
});

test("when all are taken, the sentence says how to end one", async () => {
  for (const name of ["a", "b", "c", "d", "e", "f", "g"]) await enter(name);
  await expect(enter("h")).rejects.toThrow("DAVIT_CLUSTER=NAME ./scripts/cluster/down ends one of a, b, c, d, e, f, g");
  expect(await enter("default")).toBe(0);
});

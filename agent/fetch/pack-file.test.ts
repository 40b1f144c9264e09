import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { deflateSync } from "node:zlib";
import { faultOf } from "#shared/source/testing/temp-tree";
import { type Repository, repository } from "#test/git-repository";
import { temporaryFolder } from "#test/temporary";
import { applyDelta } from "./delta.ts";
import { openPack, packBytes, packOf } from "./testing/pack-of.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let at: Repository;
let oids: string[];

beforeAll(async () => {
  folder = await temporaryFolder();
  at = await repository(folder.path, "at.git");
  await at.commits(300);
  const noise = randomBytes(100_000);
  for (let edit = 0; edit < 5; edit++) {
    noise[edit * 1000] = edit;
    await at.commit({ "noise.bin": new Uint8Array(noise), "empty.txt": "" });
  }
  await at.git("tag", "-m", "a tag", "v1");
  oids = (await at.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")).split("\n");
});
afterAll(() => folder[Symbol.asyncDispose]());

describe("a pack", () => {
  test.each([
    ["deltas by offset", ["--delta-base-offset", "--window=50", "--depth=50"]],
    ["deltas by id", ["--window=50", "--depth=50"]],
    ["long chains of deltas", ["--delta-base-offset", "--window=500", "--depth=4000"]],
    ["no deltas", ["--window=0"]],
  ])("with %s has every object as git has it", async (_, options) => {
    using pack = await packOf(at, oids, ["--no-reuse-delta", ...options]);
    expect(oids.filter((oid) => !pack.has(oid))).toEqual([]);
    for (const oid of oids) {
      const { type, data } = pack.read(oid);
      // What an object's id says is its type, its size and its bytes.
      expect(new Bun.CryptoHasher("sha1").update(`${type} ${data.length}\0`).update(data).digest("hex")).toBe(oid);
    }
    expect(pack.commits.toSorted()).toEqual((await at.git("rev-list", "--all")).split("\n").toSorted());
  });

  test("in which any byte is wrong is refused", async () => {
    const bytes = await packBytes(at, oids.slice(0, 20));
    for (let index = 0; index < bytes.length; index += 37) {
      const damaged = bytes.slice();
      damaged[index] = (damaged[index] ?? 0) ^ 0x10;
      expect((await faultOf(openPack(damaged))).code).toBe("git_unreachable");
    }
    for (const length of [0, 10, 31, 32, bytes.length - 1]) expect((await faultOf(openPack(bytes.slice(0, length)))).code).toBe("git_unreachable");
  });

  test("does not make a delta larger than an object may be", async () => {
    const pack = withObjects(object(3, Buffer.from("base")), delta(7, Buffer.concat([size(4), size(2 ** 40), Buffer.from([1, 0x41])])));
    expect((await faultOf(openPack(pack, 1000))).code).toBe("git_too_large");
    expect((await faultOf(openPack(withObjects(object(3, Buffer.alloc(2000))), 1000))).code).toBe("git_too_large");
  });

  test("with more in an object than its size says is refused", async () => {
    const honest = object(3, Buffer.from("text"));
    const lying = Buffer.concat([honest.subarray(0, 1), deflateSync(Buffer.alloc(100_000))]);
    expect((await faultOf(openPack(withObjects(lying)))).code).toBe("git_unreachable");
  });

  test("with a delta of itself, of nothing or of what comes later is refused", async () => {
    const copy = Buffer.concat([size(4), size(4), Buffer.from([0x90, 4])]);
    for (const base of [Buffer.alloc(20), Buffer.alloc(20, 0xff)])
      expect((await faultOf(openPack(withObjects(delta(7, copy, base))))).message).toContain("damaged");
    for (const back of [0, 1, 100]) expect((await faultOf(openPack(withObjects(delta(6, copy, Buffer.from([back])))))).message).toContain("damaged");
  });

  test("that says it has more objects than there can be is refused at once", async () => {
    const pack = withObjects();
    new DataView(pack.buffer, pack.byteOffset).setUint32(8, 0xffffffff);
    expect((await faultOf(openPack(sealed(pack.subarray(0, -20))))).code).toBe("git_too_large");
  });
});

describe("a delta", () => {
  const base = Buffer.from("0123456789");
  const commands = (...bytes: number[]) => Buffer.concat([size(10), size(6), Buffer.from(bytes)]);

  test("copies pieces of its base and inserts bytes", () => {
    expect(Buffer.from(applyDelta(base, commands(0x91, 2, 3, 3, 0x61, 0x62, 0x63))).toString()).toBe("234abc");
  });

  test.each([
    ["a piece beyond the base", commands(0x91, 9, 6)],
    ["a command that is none", commands(0)],
    ["bytes that are not there", commands(6, 0x61)],
    ["less than it says", commands(0x91, 0, 3)],
    ["more than it says", commands(0x91, 0, 9)],
    ["another base", Buffer.concat([size(11), size(1), Buffer.from([1, 0x61])])],
    ["no end of its size", Buffer.alloc(20, 0xff)],
    ["nothing", Buffer.alloc(0)],
  ])("with %s is refused", async (_, bytes) => {
    expect((await faultOf(() => void applyDelta(base, bytes))).code).toBe("git_unreachable");
  });
});

function size(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}

/* An object of fewer than 2048 bytes, as it stands in a pack. */
function object(type: number, data: Buffer, base = Buffer.alloc(0)): Buffer {
  const low = (type << 4) | (data.length & 15);
  const header = data.length > 15 ? [low | 128, data.length >> 4] : [low];
  return Buffer.concat([Buffer.from(header), base, deflateSync(data)]);
}

function delta(
  type: 6 | 7,
  commands: Buffer,
  base: Buffer<ArrayBuffer> = Buffer.from(new Bun.CryptoHasher("sha1").update("blob 4\0base").digest()),
): Buffer {
  return object(type, commands, base);
}

function withObjects(...objects: Buffer[]): Uint8Array {
  const header = Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1");
  header.writeUInt32BE(objects.length, 8);
  return sealed(Buffer.concat([header, ...objects]));
}

function sealed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes, new Bun.CryptoHasher("sha1").update(bytes).digest()]));
}

import { expect, test } from "bun:test";
import { checkPack, encodeFrame, PACK_SIZE, sha256, unpackChunk } from "./pack.ts";

const text = Buffer.from("davit ".repeat(1000));
const noise = crypto.getRandomValues(new Uint8Array(5000));
const frame = (raw: Uint8Array) => encodeFrame(sha256(raw), raw);

test("chunks come out of a pack as they went in, squeezed where that helps", () => {
  const pack = Buffer.concat([frame(text), frame(noise), frame(new Uint8Array(1))]);
  const chunks = checkPack(pack);
  expect(chunks.map((chunk) => chunk.size)).toEqual([text.length, noise.length, 1]);
  expect(chunks[0]?.stored).toBeLessThan(200);
  expect(chunks[1]?.stored).toBe(noise.length);
  const raw = chunks.map((chunk) => unpackChunk(pack.subarray(chunk.offset, chunk.offset + chunk.stored), chunk.size));
  expect(raw.map(sha256)).toEqual(chunks.map((chunk) => chunk.digest));
});

test("a pack that lies is refused", () => {
  const good = frame(text);
  const changed = (at: number, value: number) => {
    const copy = new Uint8Array(good);
    copy[at] = value;
    return copy;
  };
  const bomb = new Uint8Array(frame(Buffer.alloc(1 << 20)));
  new DataView(bomb.buffer).setUint32(32, 100);
  const cases: [string, Uint8Array][] = [
    ["header", good.subarray(0, 20)],
    ["inside a chunk", good.subarray(0, good.length - 1)],
    ["digest", changed(0, (good[0] ?? 0) ^ 1)],
    ["unpack", changed(44, (good[44] ?? 0) ^ 255)],
    ["at most", changed(32, 255)],
    ["unpack", bomb],
    ["at most", new Uint8Array(PACK_SIZE + 1)],
  ];
  for (const [why, pack] of cases) expect(() => checkPack(pack), why).toThrow(why);
});

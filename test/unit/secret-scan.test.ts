import { expect, test } from "bun:test";
import { encodeFrame, sha256 } from "#shared/pack";
import { newAuthority } from "#shared/tls/signing";
import { formsOf, Scanner } from "#test/secrets/scan";

const VALUE = 'pa$$ "wörd"+/&=!\\ 0123456789abcdef';
const scanner = new Scanner({ password: VALUE });
const base64 = (text: string, encoding: "base64" | "base64url" = "base64") => Buffer.from(text).toString(encoding);

/* Every one of these is a leak that has to be found: a scanner that finds nothing passes any test that is made with it. */
test.each<[string, string | Uint8Array]>([
  ["a line of a log", `error: cannot log in with ${VALUE} at db`],
  ["a value in JSON", JSON.stringify({ env: { PASSWORD: VALUE } })],
  ["JSON in a line of JSON", JSON.stringify({ annotation: JSON.stringify({ PASSWORD: VALUE }) })],
  ["a URL", `https://db?password=${encodeURIComponent(VALUE)}`],
  ["a form", new URLSearchParams({ user: "ann", password: VALUE }).toString()],
  ["hex", Buffer.from(`x${VALUE}y`).toString("hex")],
  ["capital hex", Buffer.from(VALUE).toString("hex").toUpperCase()],
  ["a Secret's data", base64(VALUE)],
  ["a password after a user of one letter", base64(`a:${VALUE}`)],
  ["a password after a user of two letters", base64(`ab:${VALUE}`)],
  ["a password after a user of three letters", base64(`abc:${VALUE}, and more`)],
  ["a part of a JWT", base64(JSON.stringify({ a: 1 }) + VALUE, "base64url")],
  ["a Secret with a docker config in it", base64(base64(VALUE))],
  ["gzip", Bun.gzipSync(Buffer.from(`a layer with ${VALUE} in it`))],
  ["zstd", Bun.zstdCompressSync(Buffer.from(`a tree with ${VALUE} in it`))],
  ["zstd in gzip", Bun.gzipSync(new Uint8Array(Bun.zstdCompressSync(Buffer.from(VALUE))))],
  ["a pack", encodeFrame(sha256(VALUE.repeat(9)), Buffer.from(VALUE.repeat(9)))],
])("a secret in %s is found", (place, content) => {
  const found = scanner.leaks({ place, content });
  expect(found.length).toBeGreaterThan(0);
  expect(found.every((leak) => leak.startsWith("password (") && leak.endsWith(`) in ${place}`))).toBe(true);
});

test("a key is found by one of its lines, in any dress", async () => {
  const pem = (await newAuthority()).key.reveal();
  const lines = pem.trim().split("\n");
  const keys = new Scanner({ key: pem });
  for (const line of lines.slice(1, -1)) expect(keys.leaks({ place: "a log", content: `tls: bad key ${line}!` })).not.toEqual([]);
  expect(keys.leaks({ place: "a Secret", content: base64(pem) })).not.toEqual([]);
  expect(keys.leaks({ place: "JSON", content: JSON.stringify({ key: pem }) })).not.toEqual([]);
  expect(keys.leaks({ place: "a log", content: "-----BEGIN PRIVATE KEY-----" })).toEqual([]);
});

test("what is not there is not found, and each secret is told by its kind", () => {
  const two = new Scanner({ one: "0123456789abcdef-one", two: "0123456789abcdef-two" });
  expect(two.leaks({ place: "a log", content: "0123456789abcdef" })).toEqual([]);
  expect(two.leaks({ place: "a log", content: "x0123456789abcdef-twox" })).toEqual(["two (plain) in a log"]);
  expect(() => formsOf("short")).toThrow("no good");
});

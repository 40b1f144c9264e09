import { expect, test } from "bun:test";
import { readdir, unlink } from "node:fs/promises";
import { basename } from "node:path";
import { readArchive } from "../../shared/oci/archive.ts";
import { temporaryFolder } from "../../test/support/temporary.ts";
import type { Cache } from "./build.ts";
import { ensureArchive, type ImageSpec } from "./oci.ts";

const spec = (text: string): ImageSpec => ({
  reference: "lab.local/x:1",
  compression: "gzip",
  config: { Cmd: ["/x"] },
  layers: [[{ kind: "file", path: "x", from: Buffer.from(text) }], [{ kind: "symlink", path: "y", to: "x" }]],
});

const cacheIn = (folder: string): Cache => ({ cache: folder, archives: `${folder}/images`, buildLock: `${folder}/lock` });

test("made once; what an up that was killed left there is no hindrance", async () => {
  await using folder = await temporaryFolder();
  const said: string[] = [];
  const make = (text: string) => ensureArchive(cacheIn(folder.path), spec(text), (line) => said.push(line));
  const one = await make("a");
  expect(await make("a")).toEqual(one);
  await Bun.write(`${one.path.replace(".tar", ".layers")}/0`, "half a layer");
  await unlink(one.path.replace(".tar", ".json"));
  expect(await make("a")).toEqual(one);
  const two = await make("b");
  expect(said).toEqual(Array(3).fill("image lab.local/x:1"));
  expect(two.digest).not.toBe(one.digest);
  const names = [one, two].map(({ path }) => basename(path, ".tar"));
  expect((await readdir(`${folder.path}/images`)).sort()).toEqual(names.flatMap((name) => [`${name}.json`, `${name}.tar`]).sort());
  expect((await readArchive(two.path)).manifest.digest).toBe(two.digest);
});

test("the same image is the same bytes wherever it is made", async () => {
  await using here = await temporaryFolder();
  await using there = await temporaryFolder();
  const archives = [await ensureArchive(cacheIn(here.path), spec("a"), () => {}), await ensureArchive(cacheIn(there.path), spec("a"), () => {})];
  const [one, two] = await Promise.all(archives.map(({ path }) => Bun.file(path).bytes()));
  expect(one).toEqual(two);
});

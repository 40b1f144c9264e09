import { expect, test } from "bun:test";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPack, encodeFrame, sha256 } from "#shared/pack";
import { byPath, CHUNK_SIZE, encodeTree, type TreeEntry, treeId } from "#shared/tree";
import { hydrate } from "./hydrate.ts";
import type { SourceOrder } from "./order.ts";

/** A store of one pack behind a real HTTP server; `asked` counts the bytes it gave. */
function store(): {
  add(files: Record<string, string>): TreeEntry[];
  order(entries: TreeEntry[]): SourceOrder;
  fetch: typeof fetchOk;
  asked: () => number;
} & Disposable {
  const frames: Uint8Array[] = [];
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  let asked = 0;
  const server = Bun.serve({
    port: 0,
    fetch(request) {
      const bytes = objects.get(new URL(request.url).pathname);
      if (!bytes) return new Response("none", { status: 404 });
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "");
      const part = range ? bytes.slice(Number(range[1]), Number(range[2]) + 1) : bytes;
      asked += part.length;
      return new Response(part, { status: range ? 206 : 200 });
    },
  });
  const put = (path: string, bytes: Uint8Array) => {
    objects.set(path, new Uint8Array(bytes));
    return `${server.url.origin}${path}`;
  };
  return {
    add(files) {
      return Object.entries(files)
        .map(([path, text]): TreeEntry => {
          const raw = Buffer.from(text);
          const chunks: string[] = [];
          for (let at = 0; at < raw.length; at += CHUNK_SIZE) {
            const part = raw.subarray(at, at + CHUNK_SIZE);
            chunks.push(sha256(part));
            frames.push(encodeFrame(sha256(part), part));
          }
          return { kind: "file", path, mode: 0o644, size: raw.length, chunks };
        })
        .sort(byPath);
    },
    order(entries) {
      const pack = Buffer.concat(frames);
      const chunks = checkPack(pack).map((chunk): [string, number, number, number] => [chunk.digest, chunk.offset, chunk.stored, chunk.size]);
      return { tree: put(`/tree/${treeId(entries)}`, Bun.zstdCompressSync(encodeTree(entries))), packs: [{ url: put("/pack", pack), chunks }] };
    },
    fetch: fetchOk,
    asked: () => asked,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

async function fetchOk(url: string, headers: Record<string, string> = {}): Promise<Uint8Array> {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

function volume(): Disposable & { path: string; read(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), "davit-volume-"));
  return {
    path,
    read: (name) => readFileSync(join(path, "source", name), "utf8"),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

test("an empty volume becomes the tree, and the next tree costs only what differs", async () => {
  using source = store();
  using disk = volume();
  const big = "x".repeat(CHUNK_SIZE + 10);
  const first = [
    ...source.add({ "a.txt": "a", "dir/b.txt": "b", "dir/deep/c.bin": big }),
    { kind: "symlink", path: "link", target: "a.txt" } as const,
    { kind: "directory", path: "void" } as const,
  ].sort(byPath);
  expect(await hydrate(disk.path, source.order(first), source.fetch)).toMatchObject({ written: 5 });
  expect(disk.read("dir/deep/c.bin")).toBe(big);
  expect(readlinkSync(join(disk.path, "source/link"))).toBe("a.txt");
  expect(statSync(join(disk.path, "source/void")).isDirectory()).toBe(true);

  expect(await hydrate(disk.path, source.order(first), source.fetch)).toEqual({ written: 0, bytes: 0 });

  const second = [...first.filter((entry) => !entry.path.startsWith("dir") && entry.path !== "link"), ...source.add({ link: "now a file" })].sort(
    byPath,
  );
  expect(await hydrate(disk.path, source.order(second), source.fetch)).toMatchObject({ written: 1 });
  expect(disk.read("link")).toBe("now a file");
  expect(lstatSync(join(disk.path, "source/link")).isFile()).toBe(true);
  expect(existsSync(join(disk.path, "source/dir"))).toBe(false);
});

test("work that was interrupted is begun anew from an empty folder", async () => {
  using source = store();
  using disk = volume();
  const tree = source.add({ "a.txt": "a", "b.txt": "b" });
  await hydrate(disk.path, source.order(tree), source.fetch);
  rmSync(join(disk.path, "state"));
  writeFileSync(join(disk.path, "source", "left-over"), "half");
  await hydrate(disk.path, source.order(tree), source.fetch);
  expect(readdirSync(join(disk.path, "source")).sort()).toEqual(["a.txt", "b.txt"]);
});

test("files that a node lost although the state names them are written again", async () => {
  using source = store();
  using disk = volume();
  const first = source.add({ "a.txt": "a", "b.txt": "b" });
  await hydrate(disk.path, source.order(first), source.fetch);
  writeFileSync(join(disk.path, "source", "b.txt"), "");
  await hydrate(disk.path, source.order([...first, ...source.add({ "c.txt": "c" })]), source.fetch);
  expect(disk.read("b.txt")).toBe("b");
});

test("a failure is told when nothing writes any more: the next order finds the folder at rest", async () => {
  using source = store();
  using disk = volume();
  const tree = source.add({ "a.txt": "a", "b.txt": "b" });
  const order = source.order(tree);
  const packs = order.packs.flatMap(({ url, chunks }) => chunks.map((chunk) => ({ url, chunks: [chunk] })));
  const slow = Promise.withResolvers<void>();
  let asked = 0;
  const fetch = async (url: string, headers?: Record<string, string>) => {
    if (url.endsWith("/pack") && asked++ === 0) {
      // Long after this worker's failure the other one still waits.
      setTimeout(slow.resolve);
      throw new Error("the store went away");
    }
    if (url.endsWith("/pack")) await slow.promise;
    return await source.fetch(url, headers);
  };
  await expect(hydrate(disk.path, { ...order, packs }, fetch)).rejects.toMatchObject({ code: "hydrate_failed" });
  expect(disk.read("b.txt")).toBe("b");
});

test("a chunk that is not what its name says, or a tree that leads outside, stops the work", async () => {
  using source = store();
  using disk = volume();
  const tree = source.add({ "a.txt": "honest text that is long enough to be squeezed, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" });
  const order = source.order(tree);
  const lying = {
    ...order,
    packs: order.packs.map((pack) => ({
      ...pack,
      chunks: pack.chunks.map(([, ...rest]): [string, number, number, number] => [sha256("other"), ...rest]),
    })),
  };
  const wrong = tree.map((entry) => ({ ...entry, chunks: [sha256("other")] }) as TreeEntry);
  await expect(hydrate(disk.path, { ...lying, tree: source.order(wrong).tree }, source.fetch)).rejects.toMatchObject({ code: "hydrate_failed" });
  const outside: TreeEntry[] = [{ kind: "symlink", path: "out", target: "../../etc" }];
  await expect(hydrate(disk.path, source.order(outside), source.fetch)).rejects.toMatchObject({ code: "tree_invalid" });
});

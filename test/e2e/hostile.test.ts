import { expect, test } from "bun:test";
import type { FaultCode } from "#shared/fault";
import { sha256 } from "#shared/pack";
import { CHUNK_SIZE, type TreeEntry, treeId } from "#shared/tree";
import { attack, attacker, faultOf, file, lyingFrame, packOf, upload } from "#test/hostile";
import { DOCKERFILE, tenant } from "#test/lab";
import { member } from "#test/member";

const fine = file("Dockerfile", DOCKERFILE).entry;
const named = (path: string): TreeEntry => ({ ...fine, path });
const link = (path: string, target: string): TreeEntry => ({ kind: "symlink", path, target });

const TREES: Record<string, TreeEntry[]> = {
  "a path out of the tree": [named("../../etc/passwd")],
  "a path that goes out in its middle": [named("a/../../b")],
  "an absolute path": [named("/etc/passwd")],
  "a path that is no path": [named("a//b")],
  "a path to where it is": [named("./a")],
  "a NUL byte": [named("a\0b")],
  "a part of 300 bytes": [named("x".repeat(300))],
  "a path twice": [named("a"), named("a")],
  "a path as a file and as a folder": [named("a"), named("a/b")],
  "a file below a link": [link("a", "b"), named("a/b"), named("b/c")],
  "an empty folder below a link": [link("a", "."), { kind: "directory", path: "a/b" }],
  "a link out of the tree": [fine, link("a", "../secrets")],
  "a link to an absolute path": [fine, link("a", "/davit/run/docker/config.json")],
  "a link that goes deep to come out": [fine, link("a/b/c", "x/../../../../y")],
  "a size with no chunks": [{ ...fine, chunks: [] }],
  "chunks with no size": [{ ...fine, size: 0 }],
  "a size that needs more chunks": [{ ...fine, size: CHUNK_SIZE + 1 }],
  "nothing at all": [],
};

test("a tree that could not have come from a folder is refused by the agent itself", async () => {
  await attack("trees", async ({ client }, { name: namespace }) => {
    for (const [name, entries] of Object.entries(TREES)) {
      const { code } = await faultOf(client.negotiate({ namespace, body: upload(entries) }));
      expect({ name, code }).toEqual({ name, code: "tree_invalid" });
    }
    const two = [named("b"), named("c")];
    const good = upload(two);
    const wrong: Record<string, [Parameters<typeof client.negotiate>[0]["body"], FaultCode]> = {
      "another tree's id": [{ ...good, tree: sha256("another") }, "tree_invalid"],
      "an id that is none": [{ ...good, tree: "../../trees" }, "usage"],
      "a base that nobody sent": [{ ...good, base: sha256("never sent") }, "tree_base_unknown"],
      "a base that is a path": [{ ...good, base: "../../../other/trees/x" }, "usage"],
      "a chunk that is a path": [upload([{ ...fine, chunks: ["../packs/x"] }]), "usage"],
      "a mode with more rights": [upload([{ ...fine, mode: 0o4755 as 0o755 }]), "usage"],
      "a negative size": [upload([{ ...fine, size: -1 }]), "usage"],
      "a kind of its own": [upload([{ kind: "device", path: "sda" } as unknown as TreeEntry]), "usage"],
    };
    for (const [name, [body, code]] of Object.entries(wrong)) {
      expect({ name, code: (await faultOf(client.negotiate({ namespace, body }))).code }).toEqual({ name, code });
    }
    // A difference to a good tree is checked as the whole that it makes.
    const sent = await client.negotiate({ namespace, body: good });
    expect(sent.missing).toEqual(fine.chunks);
    const below = [...two, named("c/d")];
    const onBase = { tree: treeId(below), base: good.tree, entries: [named("c/d")] };
    expect((await faultOf(client.negotiate({ namespace, body: onBase }))).code).toBe("tree_invalid");
  });
}, 60_000);

test("a pack that is not what it says is refused, and what is in it is not held", async () => {
  await attack("packs", async ({ client, raw }, { name: namespace }) => {
    const secret = file("secret", "what the attacker would like to have said");
    const [digest = ""] = secret.entry.chunks;
    const lie = new TextEncoder().encode("something else of another length");
    const bomb = Bun.zstdCompressSync(new Uint8Array(512 << 20));
    const packs: Record<string, { pack: string; body: Uint8Array<ArrayBuffer> }> = {
      "named by another digest": { ...packOf(secret.frame), pack: sha256("another") },
      "a chunk named by another's digest": packOf(lyingFrame(digest, lie.length, lie)),
      "a good chunk, then a bad one": packOf(secret.frame, lyingFrame(digest, lie.length, lie)),
      "a frame longer than its pack": packOf(lyingFrame(digest, 100, lie, 1_000_000)),
      "a pack that ends inside a header": packOf(secret.frame, new Uint8Array(17)),
      "a bomb that says it is small": packOf(lyingFrame(digest, 1000, bomb)),
      "a bomb that says what it is": packOf(lyingFrame(digest, 512 << 20, bomb)),
      "four gigabytes in words": packOf(lyingFrame(digest, 0xffffffff, lie, 0xffffffff)),
      "over 8 MiB": packOf(new Uint8Array((8 << 20) + 1)),
      "far over 8 MiB": packOf(new Uint8Array(64 << 20)),
    };
    for (const [name, pack] of Object.entries(packs)) {
      expect({ name, code: (await faultOf(client.putPack({ namespace, ...pack }))).code }).toEqual({ name, code: "pack_invalid" });
    }
    const body = upload([secret.entry]);
    expect((await client.negotiate({ namespace, body })).missing).toEqual([digest]);
    const path = `/v1/namespaces/${namespace}/packs/`;
    for (const name of ["..%2F..%2Ftrees%2Fx", "A".repeat(64), "short"]) expect((await raw("PUT", path + name, { body: "x" })).status).toBe(400);
  });
}, 60_000);

test("a revision needs a tree of the same tenant with every chunk of it; another's chunks are not there", async () => {
  await using bank = await tenant("bank");
  using clerk = await member(bank.name, "davit-developer");
  const inside = await attacker(clerk.token);
  const treasure = file("Dockerfile", `FROM scratch\n# ${bank.name}\n`);
  const held = upload([treasure.entry]);
  expect((await inside.client.negotiate({ namespace: bank.name, body: held })).missing).toEqual(treasure.entry.chunks);
  await inside.client.putPack({ namespace: bank.name, ...packOf(treasure.frame) });
  expect((await inside.client.negotiate({ namespace: bank.name, body: held })).missing).toEqual([]);

  await attack("thief", async ({ client }, { name: namespace, app: appName }) => {
    const app = appName("copy");
    const ask = (tree: string) => faultOf(client.createRevision({ namespace, app, body: { source: { kind: "tree", tree } } }));
    expect((await ask(held.tree)).code).toBe("tree_base_unknown");
    expect((await faultOf(client.negotiate({ namespace, body: { ...held, base: held.tree, entries: [] } }))).code).toBe("tree_base_unknown");
    // To know a digest is not to have the bytes.
    expect((await client.negotiate({ namespace, body: held })).missing).toEqual(treasure.entry.chunks);
    expect((await ask(held.tree)).code).toBe("chunks_missing");
    const there = { namespace: bank.name, app, body: { source: { kind: "tree" as const, tree: held.tree } } };
    const calls = [
      () => client.createRevision(there),
      () => client.negotiate({ ...there, body: held }),
      () => client.putPack({ ...there, ...packOf(treasure.frame) }),
    ];
    for (const call of calls) expect((await faultOf(call())).code).toBe("forbidden");
    // A size that a held chunk does not have.
    const own = file("Dockerfile", "FROM scratch\n");
    await client.putPack({ namespace, ...packOf(own.frame) });
    const longer = upload([{ ...own.entry, size: own.entry.size + 1 }]);
    expect((await faultOf(client.negotiate({ namespace, body: longer }))).code).toBe("tree_invalid");
    const elsewhere = upload([{ ...own.entry, path: "Containerfile" }]);
    await client.negotiate({ namespace, body: elsewhere });
    expect((await ask(elsewhere.tree)).code).toBe("no_dockerfile");
  });
}, 60_000);

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Repository } from "#test/git-repository";
import { gitEnv } from "#test/git-server";
import { temporaryFolder } from "#test/temporary";
import { PackFile } from "../pack-file.ts";

/** The pack that git makes of some objects; `options` are those of `git pack-objects`. */
export async function packBytes({ path }: Repository, oids: readonly string[], options: readonly string[] = []): Promise<Uint8Array> {
  const child = Bun.spawn(["git", "pack-objects", "--stdout", "--quiet", ...options], {
    cwd: path,
    env: gitEnv(),
    stdin: Buffer.from(`${oids.join("\n")}\n`),
    stdout: "pipe",
  });
  return new Uint8Array(await new Response(child.stdout).arrayBuffer());
}

export async function openPack(bytes: Uint8Array, largest = 1024 * 1024 * 1024): Promise<PackFile> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "objects.pack");
  writeFileSync(path, bytes);
  return await PackFile.open(path, { largest, signal: new AbortController().signal });
}

export async function packOf(repository: Repository, oids: readonly string[], options: readonly string[] = []): Promise<PackFile> {
  return await openPack(await packBytes(repository, oids, options));
}

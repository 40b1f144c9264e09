import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { git } from "./git-server.ts";

/** A file of a commit; a text is an ordinary one. */
export type Content = string | Uint8Array | { mode: "100755" | "120000"; text: string } | { mode: "160000"; commit: string };

/** A bare repository that a test fills; `main` is its default branch. */
export interface Repository {
  path: string;
  /** Adds a commit to a branch; what `files` does not name stays, null takes a file away. Gives its id. */
  commit(files: Record<string, Content | null>, branch?: string): Promise<string>;
  /** Commits one after the other with little in them, much faster than one by one. */
  commits(count: number, branch?: string): Promise<void>;
  git(...args: string[]): Promise<string>;
  /** A commit of a folder whose bytes are given, however wrong they are. */
  commitTree(tree: Uint8Array, branch: string): Promise<string>;
  object(type: "blob" | "tree" | "commit", bytes: string | Uint8Array): Promise<string>;
}

const WHO = "A Developer <dev@example.com>";
let clock = 1_700_000_000;

export async function repository(root: string, name: string): Promise<Repository> {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  await git(path, ["init", "--quiet", "--bare", "--initial-branch=main"]);
  const run = (args: readonly string[], stdin?: string | Uint8Array) => git(path, args, stdin);
  const object: Repository["object"] = (type, bytes) => run(["hash-object", "-w", "--stdin", "-t", type, "--literally"], bytes);
  return {
    path,
    object,
    git: (...args) => run(args),
    commit: async (files, branch = "main") => {
      await run(
        ["fast-import", "--quiet", "--force"],
        Buffer.concat([header(branch, await hasBranch(path, branch)), ...Object.entries(files).flatMap(change)]),
      );
      return await run(["rev-parse", `refs/heads/${branch}`]);
    },
    commits: async (count, branch = "main") => {
      const follows = await hasBranch(path, branch);
      const parts = Array.from({ length: count }, (_, index) => [
        header(branch, follows && index === 0),
        ...change([`history/${index % 50}.txt`, `line ${index}\n`.repeat(10)]),
      ]).flat();
      await run(["fast-import", "--quiet", "--force"], Buffer.concat(parts));
    },
    commitTree: async (tree, branch) => {
      const made = await run(["commit-tree", await object("tree", tree), "-m", "made by hand"]);
      await run(["update-ref", `refs/heads/${branch}`, made]);
      return made;
    },
  };
}

async function hasBranch(path: string, branch: string): Promise<boolean> {
  return (await git(path, ["for-each-ref", `refs/heads/${branch}`])) !== "";
}

function header(branch: string, follows: boolean): Buffer {
  const from = follows ? `from refs/heads/${branch}^0\n` : "";
  return Buffer.from(`commit refs/heads/${branch}\ncommitter ${WHO} ${clock++} +0000\ndata 7\nchange\n\n${from}`);
}

function change([path, content]: [string, Content | null]): Buffer[] {
  if (content === null) return [Buffer.from(`D ${path}\n`)];
  if (typeof content === "object" && "commit" in content) return [Buffer.from(`M 160000 ${content.commit} ${path}\n`)];
  const mode = typeof content === "object" && "mode" in content ? content.mode : "100644";
  const bytes = Buffer.from(typeof content === "object" && "mode" in content ? content.text : content);
  return [Buffer.from(`M ${mode} inline ${path}\ndata ${bytes.length}\n`), bytes, Buffer.from("\n")];
}

/** A line of a folder, as git stores it. */
export function treeLine(mode: string, name: string | Uint8Array, oid: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(oid, "hex")]);
}

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#shared/fault";
import { type ReadTree, readTree } from "#shared/source/read-tree";
import { quote } from "#shared/source/source-fault";
import { type SourceSink, sendSource } from "#shared/source/upload";
import { wellKnownAnd } from "#shared/tls/well-known";
import { type Cloned, clone } from "./clone.ts";
import { GitHttp } from "./git-http.ts";
import type { Resolve } from "./guard.ts";
import { Budget, type FetchLimits } from "./limits.ts";
import type { FetchOrder, FetchReport } from "./order.ts";

/** Progress is told this often. */
const TELL_MS = 2000;

/** The world that a fetch is carried out in. */
export interface FetchWorld {
  resolve: Resolve;
  limits: FetchLimits;
  /** A folder with room for packs and files. */
  scratch: string;
  agent: SourceSink;
  signal: AbortSignal;
  report: (line: FetchReport) => void;
}

/**
 * Fetches a commit and gives its files to the agent, as any folder's are given: ignore rules count, and what the agent
 * has already is not sent.
 * @throws Fault git_* for the server and the repository, source_* and tree_invalid for what is in it, upload's own
 */
export async function fetchSource(
  order: Pick<FetchOrder, "url" | "revision" | "credential" | "extraCas" | "proxies">,
  world: FetchWorld,
): Promise<Extract<FetchReport, { type: "fetched" }>> {
  const scratch = mkdtempSync(join(realpathSync(world.scratch), "fetch-"));
  try {
    const folder = join(scratch, "source");
    const cloned = await cloneInto(order, world, scratch, folder);
    world.report({ type: "notice", message: `fetched ${cloned.as} at ${cloned.commit.slice(0, 12)}` });
    const tree = await readCommit(folder, world.signal);
    refuseLfs(cloned, tree);
    const tell = throttle((progress: { done: number; total: number }) => world.report({ type: "progress", ...progress }));
    const sent = await sendSource({ root: folder, entries: tree.entries, agent: world.agent, onProgress: tell, signal: world.signal });
    return { type: "fetched", commit: cloned.commit, tree: sent.tree, files: tree.files.length, bytes: tree.bytes };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function cloneInto(
  order: Pick<FetchOrder, "url" | "revision" | "credential" | "extraCas" | "proxies">,
  world: FetchWorld,
  scratch: string,
  folder: string,
): Promise<Cloned> {
  const { resolve, limits, signal, report } = world;
  const budget = new Budget(limits);
  const onReceived = throttle(() => report({ type: "progress", done: budget.spent("received"), total: 0 }));
  const { credential, extraCas, proxies } = order;
  const ca = wellKnownAnd([extraCas, credential?.ca ?? ""].join("\n"));
  const http = new GitHttp({ resolve, credential, ca, proxies, budget, signal, onReceived });
  const notice = (message: string) => report({ type: "notice", message });
  return await clone({ http, budget, signal, scratch, notice }, order.url, order.revision, folder);
}

async function readCommit(root: string, signal: AbortSignal): Promise<ReadTree> {
  try {
    return await readTree({ root, signal });
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "source_empty") throw error;
    throw new Fault("source_empty", "the commit has no files, or all of them are ignored", { cause: error });
  }
}

function refuseLfs({ lfsPointers }: Cloned, { files }: ReadTree): void {
  const kept = new Set(files.map(({ file }) => file.path));
  const path = lfsPointers.find((pointer) => kept.has(pointer));
  if (path === undefined) return;
  const message = `${quote(path)} is kept in Git LFS, which davit does not fetch from: the repository has only a pointer to it`;
  throw new Fault("git_refused", message, { details: { path } });
}

function throttle<T extends unknown[]>(tell: (...what: T) => void): (...what: T) => void {
  let told = performance.now();
  return (...what) => {
    if (performance.now() - told < TELL_MS) return;
    told = performance.now();
    tell(...what);
  };
}

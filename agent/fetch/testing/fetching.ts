import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DIRECT } from "#shared/proxy";
import { FakeSink } from "#shared/source/testing/fake-sink";
import { type GitServer, gitServer } from "#test/git-server";
import { temporaryFolder } from "#test/temporary";
import { fetchSource } from "../fetch.ts";
import type { Resolve } from "../guard.ts";
import { type FetchLimits, LIMITS } from "../limits.ts";
import type { FetchOrder, FetchReport } from "../order.ts";

/** A git server with a folder for its repositories, and an agent that takes what is fetched. */
export interface Fetching extends AsyncDisposable {
  server: GitServer;
  repositories: string;
  agent: FakeSink;
  reports: FetchReport[];
  /** Fetches from the server; `repository` is a path on it, or a whole URL. */
  fetch(repository: string, revision?: string, over?: Over): Promise<{ commit: string; tree: string; files: number; bytes: number }>;
  /** What the agent holds of a tree: path -> text, with links and modes that are not 644 told as such. */
  files(tree: string): Record<string, string>;
}

interface Over {
  credential?: Partial<NonNullable<FetchOrder["credential"]>>;
  extraCas?: string;
  proxies?: FetchOrder["proxies"];
  limits?: Partial<FetchLimits>;
  signal?: AbortSignal;
  resolve?: Resolve;
}

export async function fetching(options: { old?: boolean } = {}): Promise<Fetching> {
  const folder = await temporaryFolder();
  const [repositories, scratch] = ["repositories", "scratch"].map((name) => join(folder.path, name)) as [string, string];
  mkdirSync(repositories);
  mkdirSync(scratch);
  const server = await gitServer({ root: repositories, names: ["git.test", "other.test"], ...options });
  const agent = new FakeSink();
  const reports: FetchReport[] = [];
  return {
    server,
    repositories,
    agent,
    reports,
    fetch: async (repository, revision, over = {}) => {
      const url = repository.startsWith("https:") ? repository : `${server.origin}/${repository}`;
      const credential = { name: "mine", host: "no-other-host.test", username: "nobody", password: "nothing", ca: server.ca, ...over.credential };
      const { type: _, ...fetched } = await fetchSource(
        { url, ...(revision === undefined ? {} : { revision }), credential, extraCas: over.extraCas ?? "", proxies: over.proxies ?? DIRECT },
        {
          // Tests have no other machine than this one, which is forbidden otherwise (guard.test.ts).
          resolve: over.resolve ?? (async () => ["127.0.0.1"]),
          limits: { ...LIMITS, ...over.limits },
          scratch,
          agent,
          signal: over.signal ?? new AbortController().signal,
          report: (line) => reports.push(line),
        },
      );
      return fetched;
    },
    files: (id) => Object.fromEntries((agent.trees.get(id) ?? []).map((entry) => [entry.path, tell(agent, entry)])),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function tell(agent: FakeSink, entry: NonNullable<ReturnType<FakeSink["trees"]["get"]>>[number]): string {
  if (entry.kind === "directory") return "(folder)";
  if (entry.kind === "symlink") return `-> ${entry.target}`;
  const bytes = Buffer.concat(entry.chunks.map((chunk) => agent.chunks.get(chunk) ?? Buffer.from("(missing)")));
  return `${entry.mode === 0o755 ? "(755) " : ""}${bytes.toString("utf8")}`;
}

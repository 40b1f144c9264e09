import { existsSync } from "node:fs";
import { join } from "node:path";
import { Fault, type FaultCode } from "#shared/fault";
import type { PushResult } from "#shared/push-event";
import { type SourceSink, sendSource } from "#shared/source/upload";
import { cacheDir, tempDir } from "../paths.ts";
import { uploadNote } from "../report/push-report.ts";
import { type OpenSource, openSource } from "../source/archive.ts";
import type { ReadSource } from "../source/read-source.ts";
import { loadBase, saveBase } from "../source/tree-cache.ts";
import type { PushJob } from "./prepare.ts";
import type { PushStream } from "./stream.ts";

const LOST = new Set<FaultCode>(["chunks_missing", "tree_base_unknown"]);

/** What asking for a revision gave. */
export type Accepted = { outcome: "accepted"; revision: number } | { outcome: "unchanged"; result: PushResult };

/** Walks and digests the folder or archive at `root`. @throws Fault source_*, archive_invalid, no_dockerfile, interrupted */
export async function readJobSource(job: PushJob, root: string, stream: PushStream, signal: AbortSignal): Promise<OpenSource> {
  await using opened = new AsyncDisposableStack();
  const source = opened.use(
    await openSource({
      path: root,
      cacheDir: cacheDir(job.context.env),
      tempDir: tempDir(job.context.env),
      signal,
      onProgress: (progress) => stream.progress("plan", progress),
      onNotice: (message) => stream.notice(message),
    }),
  );
  if (!source.entries.some((entry) => entry.path === "Dockerfile" && entry.kind !== "directory")) throw noDockerfile(root, source.root);
  opened.move();
  return source;
}

function noDockerfile(path: string, folder: string): Fault {
  if (!existsSync(join(folder, "Dockerfile"))) return new Fault("no_dockerfile", `there is no Dockerfile in ${path}`, { details: { path } });
  const next = "take the line that matches Dockerfile out of .gitignore or .davitignore";
  return new Fault("no_dockerfile", "the Dockerfile is left out by an ignore rule", { details: { path, next } });
}

/** Brings the source to the agent and asks for a revision of it; what was sent is written to `result`. */
export async function submit(
  job: PushJob,
  source: ReadSource,
  io: { stream: PushStream; signal: AbortSignal; result: PushResult },
): Promise<Accepted> {
  const key = { server: job.connection.server, namespace: job.namespace, app: job.app.name };
  const id = crypto.randomUUID();
  for (const [tries, base] of [loadBase(cacheDir(job.context.env), key), undefined].entries()) {
    const tree = await send(job, source, base, io);
    try {
      const accepted = await job.connection.client.createRevision(
        { namespace: job.namespace, app: job.app.name, body: { ...job.request, id, source: { kind: "tree", tree } } },
        { signal: io.signal },
      );
      saveBase(cacheDir(job.context.env), key, source.entries);
      return accepted;
    } catch (error) {
      // The agent lost some of it since it was asked: tell it the whole tree, as if for the first time.
      if (tries > 0 || !(error instanceof Fault && LOST.has(error.code))) throw error;
    }
  }
  throw new Error("unreachable: the second try returns or throws");
}

/** Asks for a revision of a source that the agent gets by itself. */
export async function submitRemote(job: PushJob, signal: AbortSignal): Promise<Accepted> {
  const body = { ...job.request, id: crypto.randomUUID() };
  return await job.connection.client.createRevision({ namespace: job.namespace, app: job.app.name, body }, { signal });
}

async function send(
  job: PushJob,
  source: ReadSource,
  base: ReadSource["entries"] | undefined,
  io: { stream: PushStream; signal: AbortSignal; result: PushResult },
) {
  const { tree, sent, reused } = await sendSource({
    root: source.root,
    entries: source.entries,
    base,
    agent: sourceSink(job),
    onProgress: (progress) => io.stream.progress("upload", progress),
    signal: io.signal,
    pause: job.context.pause,
  });
  io.result.source = `tree:${tree}`;
  io.result.sent = { chunks: io.result.sent.chunks + sent.chunks, bytes: io.result.sent.bytes + sent.bytes };
  io.result.reused = { ...reused, build: false };
  return tree;
}

/** The uploader's view of the agent. It repeats requests by itself. */
function sourceSink({ connection, namespace }: PushJob): SourceSink {
  return {
    negotiate: async (upload, signal) => {
      let bytes = 0;
      const onSent = (sent: number) => {
        bytes = sent;
      };
      const { missing } = await connection.waiting.negotiate({ namespace, body: upload }, { signal, onSent });
      return { missing, bytes };
    },
    putPack: async (pack, body, signal) => {
      await connection.waiting.putPack({ namespace, pack, body }, { signal });
    },
  };
}

/** What the upload came to, for its phase's line. */
export function noteOf(source: ReadSource, result: PushResult): string {
  return uploadNote(source.files, source.bytes, result.sent);
}

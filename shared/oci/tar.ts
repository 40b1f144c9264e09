import { Header } from "tar";

/** What stands in a tar: a directory, a symlink, or a file with its bytes, given or read from disk when they are needed. */
export type Entry =
  | { kind: "directory"; path: string; mode?: number }
  | { kind: "symlink"; path: string; to: string }
  | { kind: "file"; path: string; mode?: number; from: string | Uint8Array | Stream };

/** Bytes that are made when they are needed, as often as they are needed: more than memory should hold. */
export type Stream = { size: number; chunks: () => AsyncIterable<Uint8Array> };

const BLOCK = 512;
const EPOCH = new Date(0);
const TYPES = { file: "File", symlink: "SymbolicLink", directory: "Directory" } as const;

/** A tar as a stream of chunks: same entries, same bytes, on every machine and at any time. */
export async function* tar(entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    if (entry.kind !== "file") {
      yield header(entry, 0);
      continue;
    }
    const body = bodyOf(entry.from);
    yield header(entry, body.size);
    yield* exactly(body, entry.path);
    const rest = body.size % BLOCK;
    if (rest > 0) yield new Uint8Array(BLOCK - rest);
  }
  yield new Uint8Array(2 * BLOCK);
}

/** The files of a tar that lies uncompressed on disk; only its headers are read. */
export async function tarFiles(path: string): Promise<Map<string, Stream>> {
  const file = Bun.file(path);
  const found = new Map<string, Stream>();
  for (let at = 0; at < file.size; ) {
    const { nullBlock, cksumValid, path: name = "", size = 0 } = new Header(Buffer.from(await file.slice(at, at + BLOCK).arrayBuffer()));
    if (nullBlock) break;
    const start = at + BLOCK;
    if (!cksumValid || start + size > file.size) throw new Error(`${path} is damaged at byte ${at}`);
    found.set(name, { size, chunks: () => file.slice(start, start + size).stream() });
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return found;
}

/** A file's path, bytes at hand, or a stream: all of them as a stream. */
export function bodyOf(from: string | Uint8Array | Stream): Stream {
  if (typeof from === "string") {
    const file = Bun.file(from);
    return { size: file.size, chunks: () => file.stream() };
  }
  if (!(from instanceof Uint8Array)) return from;
  return {
    size: from.byteLength,
    async *chunks() {
      yield from;
    },
  };
}

/** The entries sorted by path, with a directory for every folder above them that is not among them: what a layer should hold. */
export function sortedTree(entries: readonly Entry[]): Entry[] {
  const all = new Map<string, Entry>();
  for (const { path } of entries) {
    const parts = path.split("/").slice(0, -1);
    for (const depth of parts.keys()) {
      const folder = parts.slice(0, depth + 1).join("/");
      all.set(folder, { kind: "directory", path: folder });
    }
  }
  for (const entry of entries) all.set(entry.path, entry);
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file that shrinks or grows while it is read would shift everything behind it: better to fail. */
async function* exactly(body: Stream, path: string): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of body.chunks()) {
    seen += chunk.byteLength;
    yield chunk;
  }
  if (seen !== body.size) throw new Error(`${path} gave ${seen} bytes instead of ${body.size}`);
}

/** Owner is root and the time is the epoch: neither may depend on who builds. */
function header(entry: Entry, size: number): Uint8Array {
  const made = new Header({
    path: entry.kind === "directory" ? `${entry.path}/` : entry.path,
    type: TYPES[entry.kind],
    mode: entry.kind === "symlink" ? 0o777 : (entry.mode ?? (entry.kind === "directory" ? 0o755 : 0o644)),
    uid: 0,
    gid: 0,
    size,
    mtime: EPOCH,
    ...(entry.kind === "symlink" ? { linkpath: entry.to } : {}),
  });
  const block = Buffer.alloc(BLOCK);
  if (made.encode(block)) throw new Error(`does not fit into a tar header: ${entry.path}`);
  return block;
}

import { readFileSync } from "node:fs";
import { openSource } from "../archive.ts";

/* Opens the archive of its first argument below the folder of its second, and prints what it had and the most memory that it took. */
const [path = "", tempDir = ""] = process.argv.slice(2);
const source = await openSource({ path, cacheDir: tempDir, tempDir, onNotice: () => {} });
await source[Symbol.asyncDispose]();
const peak = Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
process.stdout.write(JSON.stringify({ files: source.files, bytes: source.bytes, peak }));

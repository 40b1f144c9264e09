/* Reads the source in a folder with a cache folder, both named on the command line, and tells how long that took. */
import { readSource } from "../../cli/source/read-source.ts";

const [path = "", cacheDir = ""] = process.argv.slice(2);
const began = performance.now();
const { files, hashed } = await readSource({ path, cacheDir });
process.stdout.write(JSON.stringify({ files, hashed, ms: performance.now() - began }));

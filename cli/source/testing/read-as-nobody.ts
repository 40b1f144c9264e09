/*
 * Reads the source given as the first argument as a user whom permission bits bind, and prints the Fault's code and
 * message as JSON, or null. A process of its own, because root's rights are given up for good.
 */
import { toFault } from "#shared/fault";
import { readSource } from "../read-source.ts";

const NOBODY = 65534;
if (process.getuid?.() === 0) {
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
}
const [path = ".", cacheDir = "."] = process.argv.slice(2);
const fault = await readSource({ path, cacheDir }).then(
  () => null,
  (error) => toFault(error).toWire(),
);
process.stdout.write(JSON.stringify(fault));

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KEY_FILE, newSigningKey, publicHalf } from "#shared/registry/signing-key";

/**
 * `davit agent token-key FOLDER`: makes the key with which the gate signs tokens for distribution beside it, anew for each Pod
 * of theirs. Nobody else has it, tokens live for minutes, and distribution reads its keys at its start only.
 */
export async function makeTokenKey(folder: string): Promise<void> {
  const key = await newSigningKey();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, KEY_FILE.signs), key.reveal(), { mode: 0o600 });
  await writeFile(join(folder, "jwks.json"), JSON.stringify({ keys: [await publicHalf(key)] }));
}

import { Fault } from "#shared/fault";
import type { Amount } from "#shared/migration";
import { sha256 } from "#shared/pack";
import { keys } from "../store/keys.ts";
import type { ObjectStore, StoredObject } from "../store/object-store.ts";
import { forEach, Meter } from "./meter.ts";

/** Objects are at most a few MiB, and both copies of each are held. */
const AT_ONCE = 8;

/**
 * Makes one store hold of tenants exactly what the other does. Done again, it copies what differs only; each object that it
 * wrote is read back and compared.
 * @throws Fault store_unavailable, store_full
 */
export async function copyStore(from: ObjectStore, to: ObjectStore, tell: (done: Amount, total: Amount) => void): Promise<Amount> {
  const [source, target] = await Promise.all([from.look(keys.tenants), to.look(keys.tenants)]);
  const there = new Map(target.map((object) => [object.key, object]));
  const missing = source.filter((object) => !isSame(object, there.get(object.key)));
  const meter = new Meter(
    missing.map(({ bytes }) => bytes),
    tell,
  );
  await forEach(missing, AT_ONCE, async ({ key, bytes }) => {
    await copyObject(from, to, key, there.get(key)?.bytes === bytes);
    meter.add(bytes);
  });
  for (const { key } of source) there.delete(key);
  await to.remove([...there.keys()]);
  return meter.total;
}

/** ETags are MD5 almost everywhere; where they are not they differ, and then the contents are compared. */
function isSame(a: StoredObject, b: StoredObject | undefined): boolean {
  return a.bytes === b?.bytes && a.etag !== "" && a.etag === b.etag;
}

async function copyObject(from: ObjectStore, to: ObjectStore, key: string, mayBeThere: boolean): Promise<void> {
  const content = await from.get(key);
  // Collected since it was listed.
  if (content === undefined) return;
  const digest = sha256(content);
  if (mayBeThere && (await digestOf(to, key)) === digest) return;
  await to.put(key, content);
  if ((await digestOf(to, key)) !== digest) throw new Fault("store_unavailable", `${key} is not read as it was written`);
}

async function digestOf(store: ObjectStore, key: string): Promise<string | undefined> {
  const content = await store.get(key);
  return content && sha256(content);
}

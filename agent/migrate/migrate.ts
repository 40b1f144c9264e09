import { readFile } from "node:fs/promises";
import { toFault } from "#shared/fault";
import { type Amount, type MigrateLine, MigrateOrder, type RegistryEnd } from "#shared/migration";
import { RegistryApi } from "#shared/oci/registry-api";
import { mintBuildCredential } from "#shared/registry/credential";
import { registryKeyOf } from "#shared/registry/key";
import { ORDER_FILE } from "../places/order-file.ts";
import { keys } from "../store/keys.ts";
import { openStore } from "../store/object-store.ts";
import { copyImages, type OpenApi } from "./copy-images.ts";
import { copyStore } from "./copy-store.ts";

/** Longer than the largest installation takes; the credential never leaves the Pod. */
const LOGIN_SECONDS = 24 * 3600;

/** `davit agent migrate`: copies what one place of davit's has to another one, and tells how far it is. */
export async function migrate(tell: (line: MigrateLine) => void): Promise<void> {
  try {
    const order = MigrateOrder.parse(JSON.parse(await readFile(ORDER_FILE, "utf8")));
    const total = await copy(order, (done, total) => tell({ type: "progress", done, total }));
    tell({ type: "copied", total });
  } catch (error) {
    tell({ type: "failed", fault: toFault(error).toWire() });
  }
}

async function copy(order: MigrateOrder, tell: (done: Amount, total: Amount) => void): Promise<Amount> {
  if (order.part === "registry") {
    const { from, to, wanted } = order;
    return await copyImages(wanted, { from: await apiOf(from), to: to && (await apiOf(to)) }, tell);
  }
  const from = await openStore(order.from);
  if (order.to) return await copyStore(from, await openStore(order.to), tell);
  const objects = await from.look(keys.tenants);
  return { items: objects.length, bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** davit's own gives a login for one repository at a time. */
async function apiOf(end: RegistryEnd): Promise<OpenApi> {
  if ("place" in end) {
    const api = new RegistryApi(end.place);
    return async () => api;
  }
  const { host, ca } = end;
  const key = await registryKeyOf(end.key);
  return async (repository) => {
    const password = await mintBuildCredential(key, { repository, ttlSeconds: LOGIN_SECONDS });
    return new RegistryApi({ host, prefix: "", plainHttp: false, ca, login: { user: "migrate", password } });
  };
}

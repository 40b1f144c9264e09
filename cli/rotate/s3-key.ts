import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { ProbeReport } from "#shared/probe";
import { pause } from "#shared/within";
import { runErrand } from "../install/errand.ts";
import type { Prepared } from "../install/install.ts";
import { decoded } from "../install/made.ts";
import { clusterTime, pushesEnded } from "../install/pushes-ended.ts";
import { refreshFiles } from "../install/refresh-files.ts";
import { keysIn, newS3Key, S3_ACCOUNTS, S3_KEY, type S3Key, USERS_FILE, usersOf } from "../install/s3-accounts.ts";
import { s3End } from "../migrate/ends.ts";
import { type Rotating, reestablish } from "./reestablish.ts";

const LOOK_MS = 1000;
/** On the Secret with the agent's key while the old one is still taken: since when the new one is used. */
const USED_SINCE = "davit.dev/used-since";

/** How far a rotation has come; it is all in the two Secrets, so that whoever begins anew goes on. */
interface State {
  /** The agent's. */
  used: S3Key;
  /** Taken by the store too: the next one, or, once `since` is there, the one before. */
  other?: S3Key | undefined;
  since?: string | undefined;
  /** Of the Secret with the accounts. */
  version: string;
}

/**
 * Replaces the key of the built-in S3 store, with no moment at which one that is in use is not good: the store takes the new
 * key, then the agent works with it, then the old one is dropped.
 */
export async function rotateS3Key(kube: Kube, prepared: Prepared, rotating: Rotating): Promise<Pick<S3Key, "accessKey">> {
  const { signal, tell } = rotating;
  let state = await readState(kube);
  if (!state.other && !state.since) state = await writeAccounts(kube, state, [state.used, newS3Key()]);
  else tell("a rotation that was interrupted goes on");
  if (state.other && !state.since) {
    await untilStore(kube, prepared, { key: state.other, takes: true }, signal);
    tell("the store takes the new key beside the old one");
    state = await useKey(kube, state.other);
  }
  await reestablish(kube, prepared, rotating);
  tell("the agent works with the new key");
  await pushesEnded(kube, await clusterTime(kube), signal);
  const { used, other } = state;
  await writeAccounts(kube, state, [used]);
  if (other) await untilStore(kube, prepared, { key: other, takes: false }, signal);
  await patchSecret(kube, S3_KEY, { metadata: { annotations: { [USED_SINCE]: null } } });
  tell("the old key is dropped");
  return { accessKey: used.accessKey };
}

async function readState(kube: Kube): Promise<State> {
  const [key, accounts] = await Promise.all([S3_KEY, S3_ACCOUNTS].map((name) => kube.get<V1Secret>(refTo(name))));
  if (!key || !accounts) throw new Fault("not_installed", "the built-in S3 store is not installed as this davit knows it; `davit install` does it");
  const { accessKey = "", secretKey = "" } = decoded(key);
  return {
    used: { accessKey, secretKey },
    other: keysIn(decoded(accounts)[USERS_FILE] ?? "{}").find((one) => one.accessKey !== accessKey),
    since: key.metadata?.annotations?.[USED_SINCE],
    version: accounts.metadata?.resourceVersion ?? "",
  };
}

/** @throws Fault kube_refused when somebody else has changed them meanwhile */
async function writeAccounts(kube: Kube, { version }: State, keys: S3Key[]): Promise<State> {
  await patchSecret(kube, S3_ACCOUNTS, { metadata: { resourceVersion: version }, data: { [USERS_FILE]: btoa(usersOf(keys)) } });
  return await readState(kube);
}

async function useKey(kube: Kube, { accessKey, secretKey }: S3Key): Promise<State> {
  const annotations = { [USED_SINCE]: new Date().toISOString() };
  await patchSecret(kube, S3_KEY, { metadata: { annotations }, data: { accessKey: btoa(accessKey), secretKey: btoa(secretKey) } });
  return await readState(kube);
}

/** Waits until the store takes a key, or takes it no more, as a Pod finds out that does with it what the agent does. */
async function untilStore(kube: Kube, { options }: Prepared, { key, takes }: { key: S3Key; takes: boolean }, signal: AbortSignal): Promise<void> {
  const place = { ...(await s3End(kube, options)), credentials: key };
  const isSo = async () => {
    await refreshFiles(kube, "s3");
    const order = { hop: "agent-s3", place };
    const printed = await runErrand(kube, { name: "key", program: "probe", image: options.images.agent, order }, signal);
    const { problem } = ProbeReport.parse(JSON.parse(printed));
    return takes ? problem === undefined : problem?.reason === "login";
  };
  while (!(await isSo())) {
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

async function patchSecret(kube: Kube, name: string, body: object): Promise<void> {
  await kube.json(pathOf(refTo(name)), { method: "PATCH", contentType: "application/merge-patch+json", body });
}

function refTo(name: string) {
  return { apiVersion: "v1", kind: "Secret", namespace: "davit", name };
}

import type { Kube } from "#shared/kube/client";
import { JWKS_PATH, newSigningKey, publicHalf } from "#shared/registry/signing-key";
import { pause } from "#shared/within";
import { componentsOf } from "../install/components.ts";
import { installedOptions } from "../install/installed.ts";
import { pushesEnded } from "../install/pushes-ended.ts";
import { refreshFiles } from "../install/refresh-files.ts";
import { type KeyState, readKeyState, writeKeyState } from "./key-state.ts";
import { pullSecretsAre } from "./pull-secrets.ts";

const LOOK_MS = 1000;

/** Who has the keys, and where it shows which, behind the API server's service proxy. */
const HOLDERS = { registry: "https:registry:https", agent: "http:davit-agent:http" } as const;
type Holder = keyof typeof HOLDERS;

interface Options {
  /** How long a pull that is under way may still need the old key. */
  graceMs: number;
  signal: AbortSignal;
  tell(line: string): void;
}

export interface Rotated {
  kid: string;
  before: string;
  /** Where the pull secret is signed anew. */
  namespaces: number;
}

/**
 * Replaces the key that signs the registry's credentials, with no moment at which one that is in use is not good: the new
 * key is accepted, then it signs, then every pull secret is signed by it, then the old one is dropped.
 */
export async function rotateSigningKey(kube: Kube, options: Options): Promise<Rotated> {
  const { signal, tell } = options;
  const installed = await installedOptions(kube);
  const holders = componentsOf(installed).filter((name): name is Holder => name in HOLDERS);
  let state = await readKeyState(kube);
  if (!state.accepted) state = await write(kube, { ...state, accepted: await newSigningKey() });
  else tell("a rotation that was interrupted goes on");
  if (!state.signsSince && state.accepted) {
    await shownBy(kube, holders, await kidsOf(state), signal);
    tell("the new key is accepted");
    state = await write(kube, { ...state, signs: state.accepted, accepted: state.signs, signsSince: new Date().toISOString() });
  }
  const [kid = "", before = ""] = await kidsOf(state);
  await shownBy(kube, holders, [kid, before], signal);
  tell("the new key signs");
  // An external registry knows nothing of the key: its pull secrets are another's.
  const namespaces = holders.includes("registry") ? await pullSecretsSigned(kube, kid, signal) : 0;
  tell(`the pull secrets of ${namespaces} namespaces are signed by it`);
  await pushesEnded(kube, state.signsSince ?? "", signal);
  await pause(options.graceMs, signal);
  signal.throwIfAborted();
  const { version, signs } = await readKeyState(kube);
  await write(kube, { version, signs });
  await shownBy(kube, holders, [kid], signal);
  tell("the old key is dropped");
  return { kid, before, namespaces };
}

async function write(kube: Kube, next: KeyState): Promise<KeyState> {
  await writeKeyState(kube, next);
  return await readKeyState(kube);
}

async function kidsOf({ signs, accepted }: KeyState): Promise<string[]> {
  return await Promise.all([signs, ...(accepted ? [accepted] : [])].map(async (key) => (await publicHalf(key)).kid));
}

/** Waits until each of the holders works with these keys, in this order. */
async function shownBy(kube: Kube, holders: readonly Holder[], kids: readonly string[], signal: AbortSignal): Promise<void> {
  for (const holder of holders) {
    while ((await shown(kube, holder, signal)) !== kids.join()) {
      await refreshFiles(kube, holder);
      await pause(LOOK_MS, signal);
      signal.throwIfAborted();
    }
  }
}

async function shown(kube: Kube, holder: Holder, signal: AbortSignal): Promise<string | undefined> {
  const answer = await kube.fetch(`/api/v1/namespaces/davit/services/${HOLDERS[holder]}/proxy${JWKS_PATH}`, { signal });
  if (!answer.ok) return void (await answer.body?.cancel());
  const { keys } = (await answer.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid).join();
}

/** Waits until the copy in every tenant says that it is signed by the key; how many there are. */
async function pullSecretsSigned(kube: Kube, kid: string, signal: AbortSignal): Promise<number> {
  return await pullSecretsAre(kube, ({ metadata }) => metadata?.annotations?.["davit.dev/shared-version"] === kid, signal);
}

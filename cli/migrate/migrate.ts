import type { Kube } from "#shared/kube/client";
import type { Amount } from "#shared/migration";
import { applyAll, nameOf } from "../install/apply.ts";
import { settleAuthorities } from "../install/authority.ts";
import { componentsOf } from "../install/components.ts";
import { install, prepareChange, registryAddresses } from "../install/install.ts";
import { optionsObject } from "../install/installed.ts";
import { makeSecrets, secret } from "../install/made.ts";
import type { InstallOptions } from "../install/options.ts";
import { type Given, loginSecrets, tryPlaces } from "../install/places.ts";
import { foundation, labelled, workloads } from "../install/plan.ts";
import { waitReady } from "../install/wait.ts";
import { endBuilds, pauseAgent, resumeAgent } from "./agent-pause.ts";
import { loginsThere, moveApps, type Renaming, renameImages, wantedImages } from "./apps.ts";
import { copy } from "./copying.ts";
import { imagesBelow, registryEnd, s3End } from "./ends.ts";
import { isDone, type Move } from "./move.ts";

export interface Migrating {
  signal: AbortSignal;
  /** How long things may take to become ready; copying takes its time. */
  timeoutMs: number;
  say: (line: string) => void;
  onProgress: (done: Amount, total: Amount) => void;
}

/** Apps that could not be brought to the new registry yet: `namespace/name`. */
export type LeftApps = string[];

/** What would be copied, if nothing were there yet. */
export async function measure(kube: Kube, move: Move, migrating: Migrating): Promise<Amount> {
  return await copy(kube, move.installed, await orderOf(kube, move, false), migrating);
}

/**
 * Moves what the part has, while davit serves but for some seconds. Begun again after it was ended anywhere, it goes on.
 * @throws Fault preflight_failed and what stops a copy; until everything is copied the installation is as it was
 */
export async function migrate(kube: Kube, move: Move, given: Given, migrating: Migrating): Promise<LeftApps> {
  const { signal, say } = migrating;
  if (!isDone(move)) {
    await tryPlaces(kube, { options: move.target, installed: move.installed, given }, signal);
    for (const { name, data } of loginSecrets(given)) await kube.apply(secret(name, "Opaque", data));
    await raise(kube, move, migrating);
    say("copying, while davit goes on serving");
    await copy(kube, move.installed, await orderOf(kube, move, true), migrating);
    say("pausing the agent: pushes wait, apps serve on");
    await copyTheRest(kube, move, migrating);
  }
  const names = { from: imagesBelow(formerOf(move)), to: imagesBelow(move.target) };
  if (move.part === "registry") await renameImages(kube, names);
  await switchTo(kube, move.target, migrating);
  return move.part === "registry" ? await followApps(kube, move, names, migrating) : [];
}

/** Nobody writes meanwhile. From the moment that the options say so, it is the other place that counts. */
async function copyTheRest(kube: Kube, move: Move, migrating: Migrating): Promise<void> {
  const { signal } = migrating;
  await pauseAgent(kube, signal);
  try {
    if (move.part === "registry") await endBuilds(kube, signal);
    await copy(kube, move.installed, await orderOf(kube, move, true), migrating);
    await kube.apply(labelled(optionsObject(move.target)));
  } catch (error) {
    await resumeAgent(kube);
    throw error;
  }
}

async function switchTo(kube: Kube, target: InstallOptions, { signal, timeoutMs, say }: Migrating): Promise<void> {
  const prepared = await prepareChange(kube, target);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  await install(kube, prepared, { signal: limit, tell: (event) => event.type === "waiting" && event.done && say(`${event.name} is ready`) });
}

async function followApps(kube: Kube, { target }: Move, names: Renaming, { signal, timeoutMs, say }: Migrating): Promise<LeftApps> {
  const host = names.to.split("/")[0] ?? "";
  await loginsThere(kube, host, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  return target.formerRegistry ? await moveApps(kube, names, signal, (app) => say(`${app} runs its image from there`)) : [];
}

/** Of a move that is done for the greater part, only the target is known, and it says what was before. */
function formerOf({ installed, target }: Move): Pick<InstallOptions, "registry"> {
  if (target.formerRegistry === undefined) return installed;
  return target.formerRegistry === "built-in" ? {} : { registry: target.formerRegistry };
}

async function orderOf(kube: Kube, { part, installed, target }: Move, withTarget: boolean): Promise<object> {
  const end = part === "s3" ? s3End : registryEnd;
  const to = withTarget ? { to: await end(kube, target) } : {};
  const order = { part, from: await end(kube, installed), ...to };
  if (part === "s3") return order;
  return { ...order, wanted: await wantedImages(kube, { from: imagesBelow(installed), to: imagesBelow(target) }) };
}

/** Brings up beside the installation what it will consist of and does not yet. */
async function raise(kube: Kube, { installed, target }: Move, { signal, timeoutMs, say }: Migrating): Promise<void> {
  const missing = componentsOf(target).filter((name) => !componentsOf(installed).includes(name));
  if (missing.length === 0) return;
  const { certificates, certsDirs, podCidrs } = await prepareChange(kube, target);
  const present = new Set(foundation(installed, podCidrs, certificates).map(nameOf));
  const apply = async (objects: ReturnType<typeof foundation>) => {
    for await (const _ of applyAll(kube, objects, signal));
  };
  await apply(foundation(target, podCidrs, certificates).filter((object) => !present.has(nameOf(object))));
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const addresses = await registryAddresses(kube, target, limit);
  const authorities = await settleAuthorities(kube, target.issuer, undefined);
  const made = await makeSecrets(kube, target, {}, { registryAddress: addresses.builtIn, authorities, podCidrs });
  // The bundle of CAs is for the time after the switch.
  await apply(made.objects.filter(({ metadata }) => metadata?.name !== "davit-trust"));
  // What is missing is for builds and the agent: nodes have no name of their own for any of it.
  const facts = { addresses, registryForNodes: "", certsDirs, certificates, routesLeft: false, startedWith: made.startedWith };
  const running = new Set(workloads(installed, facts).map(nameOf));
  await apply(workloads(target, facts).filter((object) => !running.has(nameOf(object))));
  await waitReady(kube, missing, { signal: limit, onChange: ({ name, done }) => done && say(`${name} is ready`) });
}

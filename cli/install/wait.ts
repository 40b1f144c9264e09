import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1PersistentVolumeClaim, V1Pod } from "#shared/kube/objects";
import type { Ref } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { COMPONENTS, type ComponentName } from "./components.ts";
import { explain, readiness, STARTING } from "./explain.ts";

/** A component as it is now; `reason` says why it is not ready. */
export interface ComponentState {
  name: ComponentName;
  ready: number;
  desired: number;
  done: boolean;
  reason?: string;
}

const WATCHED: Ref[] = [
  { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit" },
  { apiVersion: "apps/v1", kind: "DaemonSet", namespace: "davit-node" },
  { apiVersion: "v1", kind: "Pod", namespace: "davit" },
  { apiVersion: "v1", kind: "Pod", namespace: "davit-node" },
  { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "davit" },
];

/** Objects of davit's namespaces as last seen. */
export class View {
  readonly #objects = new Map<string, KubeObject>();

  set(object: KubeObject): void {
    this.#objects.set(keyOf(object), object);
  }

  drop(object: KubeObject): void {
    this.#objects.delete(keyOf(object));
  }

  get(ref: Ref & { name: string }): KubeObject | undefined {
    return this.#objects.get([ref.kind, ref.namespace, ref.name].join("/"));
  }

  ofKind<T extends KubeObject>(kind: string): T[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind) as T[];
  }

  component(name: ComponentName, ref: Ref & { name: string }): ComponentState {
    const state = { name, ...readiness(this.get(ref)) };
    if (state.done) return state;
    const pods = this.ofKind<V1Pod>("Pod").filter((pod) => pod.metadata?.labels?.["app.kubernetes.io/component"] === name);
    return { ...state, reason: explain(pods, this.ofKind<V1PersistentVolumeClaim>("PersistentVolumeClaim")) };
  }
}

function keyOf(object: KubeObject): string {
  return [object.kind, object.metadata?.namespace, object.metadata?.name].join("/");
}

/** The components' states, looked at once. */
export async function look(kube: Kube, names: readonly ComponentName[]): Promise<{ view: View; states: ComponentState[] }> {
  const view = new View();
  for (const objects of await Promise.all(WATCHED.map((ref) => kube.list(ref)))) for (const object of objects) view.set(object);
  return { view, states: COMPONENTS.filter(({ name }) => names.includes(name)).map(({ name, ref }) => view.component(name, ref)) };
}

/**
 * Waits until the components are ready, telling every change of what it waits for.
 * @throws Fault deadline when `signal` aborts first; it says what is not ready and why
 */
export async function waitReady(
  kube: Kube,
  names: readonly ComponentName[],
  options: { signal: AbortSignal; onChange: (state: ComponentState) => void },
): Promise<void> {
  const view = new View();
  const told = new Map<string, string>();
  const done = new AbortController();
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, done.signal, stop.signal]);
  let unsynced = WATCHED.length;
  const states = () => COMPONENTS.filter(({ name }) => names.includes(name)).map(({ name, ref }) => view.component(name, ref));
  const onEvent = () => {
    if (unsynced > 0) return;
    for (const state of states()) {
      // Between a Pod's readiness and its owner's notice of it there is a moment that is not worth a line.
      const text = state.reason === STARTING ? (told.get(state.name) ?? "") : JSON.stringify([state.done, state.reason]);
      if (told.get(state.name) !== text) options.onChange(state);
      told.set(state.name, text);
    }
    if (states().every((state) => state.done)) done.abort();
  };
  const onFirstSync = () => {
    unsynced--;
    onEvent();
  };
  try {
    await Promise.all(WATCHED.map((ref) => follow(kube, ref, view, signal, onFirstSync, onEvent)));
  } finally {
    // One watch that is refused ends the others too.
    stop.abort();
  }
  if (!done.signal.aborted) throw notReady(states(), options.signal.reason);
}

async function follow(kube: Kube, ref: Ref, view: View, signal: AbortSignal, onFirstSync: () => void, onEvent: () => void): Promise<void> {
  let synced = false;
  for await (const event of watch<KubeObject>(kube, ref, { signal })) {
    if (event.type === "set") view.set(event.object);
    if (event.type === "gone") view.drop(event.object);
    if (event.type === "synced" && !synced) onFirstSync();
    else if (synced) onEvent();
    synced ||= event.type === "synced";
  }
}

function notReady(states: ComponentState[], reason: unknown): Error {
  if (reason instanceof Fault) return reason;
  const lines = states.filter((state) => !state.done).map((state) => `${state.name}: ${state.reason ?? "not ready"}`);
  const details = Object.fromEntries(states.filter((state) => !state.done).map((state) => [state.name, state.reason ?? "not ready"]));
  return new Fault(
    "deadline",
    `not everything became ready in time (it goes on by itself; \`davit status\` shows how far it is)\n${lines.join("\n")}`,
    { details },
  );
}

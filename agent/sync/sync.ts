import { Fault } from "#shared/fault";
import { refOf } from "#shared/kube/client";
import { hasStatus } from "#shared/kube/fault";
import type { V1ConfigMap, V1Namespace, V1Secret } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";
import { pause } from "#shared/within";
import type { Deps } from "../deps.ts";
import { Joined } from "../joined.ts";
import { OWN_NAMESPACE, PULL_SECRET } from "../objects/meta.ts";
import { foreignEvent, isTenant, tenantBinding } from "../objects/tenant.ts";
import { Slots } from "../slots.ts";
import { type Copy, copyOf, decide, readCopy, type Source, sourceOf, type Verdict } from "./copy.ts";

/** What every tenant has under the same name; the agent may see these in all namespaces, and no other Secret. */
const SHARED_SECRETS = [PULL_SECRET, "davit-trust", "davit-wildcard-tls"] as const;
type Name = (typeof SHARED_SECRETS)[number];
type Place = { namespace: string; name: Name };
const SECRET = { apiVersion: "v1", kind: "Secret" };

/** A watch that lies, or lies dead, is found out by reading everything again. */
const RESYNC_MS = 600_000;
const RETRY_MS = 2000;
/** Namespaces that are worked on at once. */
const AT_ONCE = 16;
/** How often a copy is decided on anew because somebody else changed it in that moment; then its next event goes on. */
const TURNS = 4;
const BINDING_RETRY_MS = 50;
const BINDING_TRIES = 100;

/**
 * Keeps in every tenant what it needs of davit: the agent's role, and copies of the pull secret, the CA bundle and the
 * wildcard certificate. It writes what differs, whoever changed it, and nothing else; what davit did not make it leaves alone.
 */
export class Sync {
  readonly #deps: Pick<Deps, "kube" | "registry" | "log">;
  readonly #stop: AbortSignal;
  readonly #resyncMs: number;
  readonly #targets = new Set<string>();
  readonly #bound = new Set<string>();
  readonly #sources = new Map<Name, Source>();
  readonly #copies = new Map<string, Copy>();
  readonly #foreign = new Map<string, Name[]>();
  readonly #failed = new Set<string>();
  readonly #joined = new Joined();
  readonly #slots = new Slots(AT_ONCE);

  constructor(deps: Pick<Deps, "kube" | "registry" | "log">, stop: AbortSignal, resyncMs = RESYNC_MS) {
    this.#deps = deps;
    this.#stop = stop;
    this.#resyncMs = resyncMs;
  }

  /** Follows sources and copies, and lists them anew now and then, until the agent stops. @throws Fault when a watch is refused */
  async run(): Promise<void> {
    while (!this.#stop.aborted) {
      const ended = new AbortController();
      const turn = AbortSignal.any([this.#stop, ended.signal, AbortSignal.timeout(this.#resyncMs)]);
      this.#bound.clear();
      this.lookAgain();
      try {
        await Promise.all([this.#followTrust(turn), ...SHARED_SECRETS.map((name) => this.#follow(name, turn))]);
      } finally {
        ended.abort();
      }
    }
  }

  /** Looks at every tenant, because what only the agent knows has changed: the login that nodes pull with. */
  lookAgain(): void {
    for (const namespace of this.#targets) this.#look(namespace);
  }

  /** Takes a namespace on; resolves when it has all that there is to have. What fails is told, and goes on being tried. */
  async add(namespace: string): Promise<void> {
    this.#targets.add(namespace);
    try {
      await this.#settled(namespace);
    } catch (error) {
      void this.#tryAgain(namespace, error);
      throw error;
    }
  }

  /** Lets go of a namespace: what davit put there is taken away, if the namespace stays. */
  drop(namespace: string): void {
    this.#targets.delete(namespace);
    this.#look(namespace);
  }

  /** The Secrets of davit's names in a tenant that somebody else made, and that stay. */
  foreign(namespace: string): readonly string[] {
    return this.#foreign.get(namespace) ?? [];
  }

  async #followTrust(signal: AbortSignal): Promise<void> {
    const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: OWN_NAMESPACE, name: "davit-trust" };
    for await (const event of watch<V1ConfigMap>(this.#deps.kube, ref, { signal })) {
      const ca = event.type === "set" ? event.object.data?.["ca.crt"] : undefined;
      if (event.type !== "synced") this.#learn("davit-trust", ca ? sourceOf("Opaque", { "ca.crt": Buffer.from(ca).toString("base64") }) : undefined);
    }
  }

  /** All Secrets of a name: the copies, and, where it is in davit's own namespace, their source. */
  async #follow(name: Name, signal: AbortSignal): Promise<void> {
    const unseen = new Set([...this.#copies.keys()].filter((key) => key.endsWith(`/${name}`)));
    for await (const event of watch<V1Secret>(this.#deps.kube, { ...SECRET, name }, { signal })) {
      if (event.type === "synced") {
        for (const key of unseen) this.#see(key, undefined);
        unseen.clear();
        continue;
      }
      const { metadata, type = "", data = {} } = event.object;
      const key = `${metadata?.namespace}/${name}`;
      unseen.delete(key);
      const isThere = event.type === "set";
      if (metadata?.namespace === OWN_NAMESPACE) this.#learn(name, isThere ? sourceOf(type, data) : undefined);
      else this.#see(key, isThere ? readCopy(event.object) : undefined);
    }
  }

  #learn(name: Name, source: Source | undefined): void {
    if (!source) this.#deps.log("the source of a shared secret is gone; its copies stay", { name });
    if (!source || this.#sources.get(name)?.version === source.version) return;
    this.#sources.set(name, source);
    this.lookAgain();
  }

  #see(key: string, copy: Copy | undefined): void {
    if (copy) this.#copies.set(key, copy);
    else this.#copies.delete(key);
    this.#look(key.slice(0, key.indexOf("/")));
  }

  /** Looks at a namespace soon, and again while that fails. */
  #look(namespace: string): void {
    void this.#settled(namespace).catch((error) => this.#tryAgain(namespace, error));
  }

  async #tryAgain(namespace: string, error: unknown): Promise<void> {
    if (this.#stop.aborted || this.#failed.has(namespace)) return;
    this.#deps.log("shared secrets could not be brought to a namespace, and are tried again", { namespace, error });
    this.#failed.add(namespace);
    await pause(RETRY_MS, this.#stop);
    this.#failed.delete(namespace);
    if (!this.#stop.aborted) this.#look(namespace);
  }

  async #settled(namespace: string): Promise<void> {
    await this.#joined.run(namespace, () => this.#slots.run(() => this.#settle(namespace)));
  }

  async #settle(namespace: string): Promise<void> {
    if (!this.#targets.has(namespace) && !(await this.#isTarget(namespace))) return;
    try {
      await this.#bind(namespace);
      const verdicts = new Map<Name, Verdict>();
      for (const name of SHARED_SECRETS) verdicts.set(name, await this.#settleCopy({ namespace, name }));
      await this.#tellForeign(
        namespace,
        SHARED_SECRETS.filter((name) => verdicts.get(name) === "foreign"),
      );
    } catch (error) {
      // Perhaps somebody took the role away.
      this.#bound.delete(namespace);
      throw error;
    }
  }

  /** Whether a namespace that nobody spoke of is a tenant after all. From one that was, davit's things are taken away. */
  async #isTarget(namespace: string): Promise<boolean> {
    const own = SHARED_SECRETS.map((name) => ({ namespace, name })).filter((place) => this.#copies.get(keyOf(place))?.own);
    if (own.length === 0 && !this.#bound.has(namespace)) return false;
    const found = await this.#deps.kube.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name: namespace });
    if (isTenant(found)) return true;
    this.#foreign.delete(namespace);
    this.#bound.delete(namespace);
    // What is deleted with its namespace is gone by itself.
    if (!found || found.metadata?.deletionTimestamp) return false;
    // The copies last: they are how an agent that was killed in between knows that there was something.
    await this.#deps.kube.remove(refOf(tenantBinding(namespace)));
    for (const place of own) await this.#remove(place);
    return false;
  }

  async #bind(namespace: string): Promise<void> {
    const { kube } = this.#deps;
    if (this.#bound.has(namespace)) return;
    await kube.apply(tenantBinding(namespace));
    await onceAllowed(() => kube.get({ ...SECRET, namespace, name: PULL_SECRET }));
    this.#bound.add(namespace);
  }

  async #settleCopy(place: Place): Promise<Verdict> {
    const source = place.name === PULL_SECRET ? await this.#pullSource(place.namespace) : this.#sources.get(place.name);
    if (!source) return "keep";
    for (let turn = 0; ; turn++) {
      const copy = this.#copies.get(keyOf(place)) ?? (await this.#read(place));
      const verdict = decide(source, copy);
      if (verdict === "keep" || verdict === "foreign" || turn === TURNS) return verdict;
      if (verdict === "recreate") await this.#remove(place);
      else await this.#write(source, place, copy?.uid);
    }
  }

  /** What differs for each namespace is in its version: the login of the registry's key. */
  async #pullSource(namespace: string): Promise<Source> {
    const { id, config } = await this.#deps.registry.pullLogin(namespace);
    const key = ".dockerconfigjson";
    return { type: "kubernetes.io/dockerconfigjson", version: id, keys: [key], data: async () => ({ [key]: btoa(await config()) }) };
  }

  async #read(place: Place): Promise<Copy | undefined> {
    const found = await this.#deps.kube.get<V1Secret>({ ...SECRET, ...place });
    return this.#remember(place, found);
  }

  /** Made where there is none, and over the one with the `uid`, so that what somebody else puts there at this moment stays. */
  async #write(source: Source, place: Place, uid: string | undefined): Promise<void> {
    const { kube } = this.#deps;
    const object = await copyOf(source, place, uid);
    this.#remember(place, uid === undefined ? await kube.create(object) : await kube.apply(object).catch(ignoreConflict));
  }

  async #remove(place: Place): Promise<void> {
    const uid = this.#copies.get(keyOf(place))?.uid;
    await this.#deps.kube.remove({ ...SECRET, ...place }, { uid }).catch(ignoreConflict);
    this.#copies.delete(keyOf(place));
  }

  #remember(place: Place, secret: V1Secret | undefined): Copy | undefined {
    const copy = secret && readCopy(secret);
    if (copy) this.#copies.set(keyOf(place), copy);
    else this.#copies.delete(keyOf(place));
    return copy;
  }

  async #tellForeign(namespace: string, names: Name[]): Promise<void> {
    const known = this.#foreign.get(namespace) ?? [];
    this.#foreign.set(namespace, names);
    for (const name of names) {
      if (!known.includes(name)) this.#deps.log("a Secret of this name is not davit's, and stays as it is", { namespace, name });
      await this.#deps.kube.create(foreignEvent(namespace, name));
    }
  }
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}

/** Somebody else changed the object at the same time: it is looked at again. */
function ignoreConflict(error: unknown): undefined {
  if (!hasStatus(error, 409) && !hasStatus(error, 404)) throw error;
}

/** The API server acts on a new role binding only a moment after it was made. */
async function onceAllowed(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await work();
      return;
    } catch (error) {
      if (tries >= BINDING_TRIES || !(error instanceof Fault) || error.code !== "forbidden") throw error;
      await Bun.sleep(BINDING_RETRY_MS);
    }
  }
}

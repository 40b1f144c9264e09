import type { ConfigurationSummary } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { hasStatus } from "#shared/kube/fault";
import type { V1Secret } from "#shared/kube/objects";
import { pathOf, type Ref } from "#shared/kube/resource";
import { configuration, configurationOf, variables } from "./objects/configuration.ts";
import { BOUND_BY, CONFIGURATION, configurationSecret, LABEL } from "./objects/meta.ts";
import { type App, DAVIT_API, type Revision } from "./objects/types.ts";

/** What Kubernetes lets a Secret hold. */
const MAX_BYTES = 1024 * 1024;
const MAX_VALUES = 256;

export async function listConfigurations(kube: Kube, namespace: string): Promise<ConfigurationSummary[]> {
  const [secrets, bindings] = await Promise.all([
    kube.list<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace }, { labels: CONFIGURATION }),
    readBindings(kube, namespace),
  ]);
  return secrets.filter((secret) => configurationOf(secret) !== undefined).map((secret) => summarize(secret, bindings));
}

/** @throws Fault configuration_not_found */
export async function showConfiguration(kube: Kube, namespace: string, name: string) {
  const [secret, bindings] = await Promise.all([needConfiguration(kube, namespace, name), readBindings(kube, namespace)]);
  return { ...summarize(secret, bindings), values: secret.data ?? {} };
}

/** @throws Fault configuration_exists, configuration_too_large */
export async function createConfiguration(kube: Kube, namespace: string, name: string, values: Record<string, string>, id?: string): Promise<void> {
  checkSize(name, values);
  const created = await kube.create(configuration(namespace, name, values, id));
  if (created) return await offerVariables(kube, name, created);
  const present = await kube.get<V1Secret>(refOf(namespace, name));
  if (present && madeBy(present, id)) return;
  const ours = present && configurationOf(present) === name;
  const what = ours ? `there is a configuration '${name}'` : `there is a Secret ${configurationSecret(name)}, which davit did not make,`;
  throw new Fault("configuration_exists", `${what} in namespace '${namespace}' already`, { details: { configuration: name, namespace } });
}

/**
 * Sets and, by null, takes away values; those not named stay. Tells whether that changed anything.
 * @throws Fault configuration_not_found, configuration_too_large
 */
export async function updateConfiguration(
  kube: Kube,
  namespace: string,
  name: string,
  changes: Record<string, string | null>,
  id?: string,
): Promise<boolean> {
  const present = await needConfiguration(kube, namespace, name);
  const { data = {} } = present;
  const different = Object.entries(changes).filter(([key, value]) => (data[key] ?? null) !== value);
  if (different.length === 0) return madeBy(present, id);
  checkSize(name, given({ ...data, ...changes }));
  // Only what differs is sent, so that of two who change different values at the same time both succeed.
  const labels = { [LABEL.request]: id ?? null };
  await offerVariables(kube, name, await patch(kube, namespace, name, { metadata: { labels }, data: Object.fromEntries(different) }));
  return true;
}

/** Whether this very request was done before, and only its answer was lost. */
function madeBy(secret: V1Secret, id: string | undefined): boolean {
  return id !== undefined && secret.metadata?.labels?.[LABEL.request] === id;
}

/** Values without those that null takes away. */
export function given(values: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Writes a configuration's variables until they are those of its newest values: somebody else may be at it as well. */
async function offerVariables(kube: Kube, name: string, secret: V1Secret): Promise<void> {
  for (let written = ""; written !== secret.metadata?.resourceVersion; ) {
    await kube.apply(variables(name, secret));
    written = secret.metadata?.resourceVersion ?? "";
    secret = await needConfiguration(kube, secret.metadata?.namespace ?? "", name);
  }
}

/**
 * Deletes what no app uses. A push that binds it meanwhile has its revision first and then claims the configuration
 * (below), which changes the Secret; here the Secret is read first and then the revisions, and it is deleted only as it
 * was read. So either the revision is seen here, or the claim finds nothing any more.
 * @throws Fault configuration_not_found, configuration_bound
 */
export async function deleteConfiguration(kube: Kube, namespace: string, name: string): Promise<void> {
  for (let deleted = false; !deleted; ) {
    const secret = await needConfiguration(kube, namespace, name);
    const { apps } = summarize(secret, await readBindings(kube, namespace));
    if (apps.length > 0) {
      const details = { configuration: name, namespace, apps: apps.join(", ") };
      throw new Fault("configuration_bound", `the configuration '${name}' is bound to ${apps.map((app) => `'${app}'`).join(", ")}`, { details });
    }
    deleted = await removeAsRead(kube, secret);
  }
}

/**
 * Claims the configurations of a revision that is about to be deployed, so that none is deleted from now on, and sees to
 * it that their variables are what their values are: an agent may have been killed between the two.
 * @throws Fault configuration_not_found naming the first that is not there any more
 */
export async function claimConfigurations(kube: Kube, { metadata, spec }: Revision): Promise<void> {
  const claim = { metadata: { annotations: { [BOUND_BY]: metadata.name } } };
  await Promise.all(spec.settings.configurations.map(async (name) => offerVariables(kube, name, await patch(kube, metadata.namespace, name, claim))));
}

/** @throws Fault configuration_not_found naming the first that is not there */
export async function needConfigurations(kube: Kube, namespace: string, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => needConfiguration(kube, namespace, name)));
}

async function needConfiguration(kube: Kube, namespace: string, name: string): Promise<V1Secret> {
  const secret = await kube.get<V1Secret>(refOf(namespace, name));
  if (secret && configurationOf(secret) === name) return secret;
  throw notFound(namespace, name);
}

function notFound(namespace: string, configuration: string): Fault {
  const details = { configuration, namespace };
  return new Fault("configuration_not_found", `there is no configuration '${configuration}' in namespace '${namespace}'`, { details });
}

type Bindings = (configuration: string) => string[];

async function readBindings(kube: Kube, namespace: string): Promise<Bindings> {
  const [apps, revisions] = await Promise.all([
    kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace }),
    kube.list<Revision>({ apiVersion: DAVIT_API, kind: "Revision", namespace }),
  ]);
  return (name) => boundApps(name, apps, revisions);
}

/** The apps that run with a configuration, or will when the push that is under way ends well. */
export function boundApps(configuration: string, apps: readonly App[], revisions: readonly Revision[]): string[] {
  // What an App says before anything of it was live is only what was asked for.
  const serving = apps.filter(({ spec, status }) => status?.revision !== undefined && spec.configurations.includes(configuration));
  const underWay = revisions.filter(({ spec, status }) => !status?.outcome && spec.settings.configurations.includes(configuration));
  return [...new Set([...serving.map(({ metadata }) => metadata.name), ...underWay.map(({ spec }) => spec.app)])].sort();
}

function summarize(secret: V1Secret, bindings: Bindings): ConfigurationSummary {
  const name = configurationOf(secret) ?? "";
  const createdAt = String(secret.metadata?.creationTimestamp ?? "");
  return { name, keys: Object.keys(secret.data ?? {}).sort(), apps: bindings(name), createdAt };
}

function checkSize(name: string, values: Record<string, string>): void {
  const bytes = Object.values(values).reduce((sum, value) => sum + Buffer.from(value, "base64").length, 0);
  const count = Object.keys(values).length;
  if (bytes <= MAX_BYTES && count <= MAX_VALUES) return;
  const would = bytes > MAX_BYTES ? `${bytes} bytes; at most ${MAX_BYTES} fit` : `${count} values; there may be ${MAX_VALUES}`;
  throw new Fault("configuration_too_large", `the configuration '${name}' would hold ${would}`, { details: { configuration: name } });
}

function refOf(namespace: string, name: string): Ref & { name: string } {
  return { apiVersion: "v1", kind: "Secret", namespace, name: configurationSecret(name) };
}

async function patch(kube: Kube, namespace: string, name: string, body: object): Promise<V1Secret> {
  try {
    return await kube.json(pathOf(refOf(namespace, name)), { method: "PATCH", contentType: "application/merge-patch+json", body });
  } catch (error) {
    throw hasStatus(error, 404) ? notFound(namespace, name) : error;
  }
}

/** Whether it could be deleted: not when it has changed since it was read. */
async function removeAsRead(kube: Kube, { metadata = {} }: V1Secret): Promise<boolean> {
  const { name = "", namespace, uid, resourceVersion } = metadata;
  try {
    await kube.json(pathOf({ apiVersion: "v1", kind: "Secret", namespace, name }), {
      method: "DELETE",
      body: { preconditions: { uid, resourceVersion } },
    });
    return true;
  } catch (error) {
    if (hasStatus(error, 404)) return true;
    if (hasStatus(error, 409)) return false;
    throw error;
  }
}

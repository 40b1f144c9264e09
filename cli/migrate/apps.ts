import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1Deployment, V1Secret } from "#shared/kube/objects";
import { pathOf, type Ref } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import type { Wanted } from "#shared/migration";
import { readiness } from "../install/explain.ts";

/** As far as they tell where images are. */
interface Imaged extends KubeObject {
  metadata: { name: string; namespace: string };
  spec?: { app?: string };
  status?: { image?: string };
}

const APP = { apiVersion: "davit.dev/v1alpha1", kind: "App" };
const REVISION = { apiVersion: "davit.dev/v1alpha1", kind: "Revision" };
const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment" };
const APP_LABEL = "davit.dev/app";
/** One after the other would take long, all at once more than the nodes have. */
const AT_ONCE = 4;
const ROLLOUT_MS = 180_000;

/** How names of images change: what they begin with, without the `/` after it. */
export interface Renaming {
  from: string;
  to: string;
}

/** The repositories of all apps, with the images of their revisions, by whichever of the names. */
export async function wantedImages(kube: Kube, names: Renaming): Promise<Wanted[]> {
  const [apps, revisions] = await Promise.all([kube.list<Imaged>(APP), kube.list<Imaged>(REVISION)]);
  const digests = Map.groupBy(
    revisions.flatMap(({ status }) => [names.from, names.to].flatMap((name) => below(name, status?.image) ?? []).slice(0, 1)),
    (image) => image.split("@")[0] ?? "",
  );
  return apps.map(({ metadata }) => {
    const repository = `${metadata.namespace}/${metadata.name}`;
    return { repository, digests: [...new Set((digests.get(repository) ?? []).flatMap((image) => image.split("@")[1] ?? []))] };
  });
}

/** What Apps and Revisions say of their images, so that each can be gone back to. */
export async function renameImages(kube: Kube, names: Renaming): Promise<void> {
  for (const kind of [REVISION, APP]) {
    for (const { metadata, status } of await kube.list<Imaged>(kind)) {
      const image = renamed(names, status?.image);
      if (image) await patch(kube, { ...kind, ...metadata }, { status: { image } }, "status");
    }
  }
}

/** Waits until nodes can log in to the host in every namespace that has apps. */
export async function loginsThere(kube: Kube, host: string, signal: AbortSignal): Promise<void> {
  const namespaces = new Set((await kube.list<Imaged>(APP)).map(({ metadata }) => metadata.namespace));
  for (const namespace of namespaces) {
    const secret = { apiVersion: "v1", kind: "Secret", namespace, name: "davit-pull" };
    await waitFor<V1Secret, boolean>(kube, secret, (found) => hasLogin(found, host) || undefined, signal);
  }
}

function hasLogin(secret: V1Secret | undefined, host: string): boolean {
  const text = Buffer.from(secret?.data?.[".dockerconfigjson"] ?? "", "base64").toString() || "{}";
  const { auths = {} } = JSON.parse(text) as { auths?: object };
  return host in auths;
}

/** Has every app run its image under the new name, the old Pods serving until the new ones do. Gives those that did not come up. */
export async function moveApps(kube: Kube, names: Renaming, signal: AbortSignal, onMoved: (app: string) => void): Promise<string[]> {
  const deployments = await deploymentsOf(kube, names.from);
  const left: string[] = [];
  const rest = deployments[Symbol.iterator]();
  const take = async () => {
    for (const deployment of rest) {
      const name = nameOf(deployment);
      if (await moveApp(kube, deployment, names, signal)) onMoved(name);
      else left.push(name);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  return left.sort();
}

/** Apps whose Deployment names an image below `name`. */
export async function appsWith(kube: Kube, name: string): Promise<string[]> {
  return (await deploymentsOf(kube, name)).map(nameOf);
}

async function deploymentsOf(kube: Kube, name: string): Promise<V1Deployment[]> {
  const all = await kube.list<V1Deployment>(DEPLOYMENT, { labels: APP_LABEL });
  return all.filter(({ spec }) => spec?.template.spec?.containers.some(({ image }) => below(name, image)));
}

function nameOf({ metadata }: V1Deployment): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

async function moveApp(kube: Kube, { metadata, spec }: V1Deployment, names: Renaming, signal: AbortSignal): Promise<boolean> {
  const ref = { ...DEPLOYMENT, namespace: metadata?.namespace ?? "", name: metadata?.name ?? "" };
  const containers = (spec?.template.spec?.containers ?? []).map(({ name, image }) => ({ name, image: renamed(names, image) ?? image }));
  await kube.json(pathOf(ref), {
    method: "PATCH",
    contentType: "application/strategic-merge-patch+json",
    query: { fieldManager: "davit" },
    body: { spec: { template: { spec: { containers } } } },
  });
  const limit = AbortSignal.timeout(ROLLOUT_MS);
  try {
    await waitFor(kube, ref, (found) => (found === undefined || readiness(found).done ? true : undefined), AbortSignal.any([signal, limit]));
    return true;
  } catch (error) {
    if (!limit.aborted || signal.aborted || error instanceof Fault) throw error;
    return false;
  }
}

/** The rest of the image's name; undefined when it does not begin so. */
function below(name: string, image: string | undefined): string | undefined {
  return image?.startsWith(`${name}/`) ? image.slice(name.length + 1) : undefined;
}

function renamed({ from, to }: Renaming, image: string | undefined): string | undefined {
  const rest = from === to ? undefined : below(from, image);
  return rest === undefined ? undefined : `${to}/${rest}`;
}

async function patch(kube: Kube, { apiVersion, kind, namespace, name }: Ref, body: object, subresource: string): Promise<void> {
  const path = pathOf({ apiVersion, kind, namespace, name }, subresource);
  await kube.json(path, { method: "PATCH", contentType: "application/merge-patch+json", query: { fieldManager: "davit" }, body });
}

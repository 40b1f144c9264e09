import { existsSync, readFileSync } from "node:fs";
import { api as contract } from "#shared/api";
import type { V1Namespace, V1Pod, V1Secret, V1Service } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { attacker } from "#test/hostile";
import { kube, kubectl } from "#test/lab";
import { door } from "#test/member";
import { RegistryUser } from "#test/registry-user";
import { readDisk } from "#test/volume";
import { layoutOf } from "../../../scripts/cluster/layout.ts";
import type { Place } from "./scan.ts";

const OWN = ["davit", "davit-staging", "davit-node"];

/** Every object of the cluster, whatever its kind, but Secrets: those are where secrets belong. */
export async function objects(): Promise<Place[]> {
  const kinds = (await kubectl("api-resources", "--verbs=list", "-o", "name")).split("\n").filter((kind) => kind !== "" && kind !== "secrets");
  const list = await kubectl("get", [...new Set(kinds)].join(","), "-A", "-o", "json", "--show-managed-fields");
  const { items } = JSON.parse(list) as { items: { kind: string; metadata: { namespace?: string; name: string } }[] };
  return items.map((object) => ({
    place: `${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`,
    content: JSON.stringify(object),
  }));
}

/** What containers write from now on, those that end meanwhile included. */
export interface LogRecording extends AsyncDisposable {
  /** All of it so far. */
  places(): Place[];
}

/** Follows the log of every container of davit's and of the tenant, from its beginning, also of those that are yet to start. */
export async function recordLogs(tenant: string): Promise<LogRecording> {
  const api = await kube();
  const stop = new AbortController();
  const written = new Map<string, string>();
  const following: Promise<void>[] = [];
  const follow = async (pod: V1Pod, container: string) => {
    const { namespace, name, uid } = pod.metadata ?? {};
    const place = `log of ${namespace}/${name}/${container}`;
    const restarts = pod.status?.containerStatuses?.find((status) => status.name === container)?.restartCount ?? 0;
    const key = `${place} ${uid} ${restarts}`;
    if (written.has(key)) return;
    written.set(key, "");
    const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace, name }, "log");
    const response = await api.fetch(path, { query: { container, follow: true }, signal: stop.signal });
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) written.set(key, written.get(key) + text);
  };
  for (const namespace of [...OWN, tenant]) {
    const pods = watch<V1Pod>(api, { apiVersion: "v1", kind: "Pod", namespace }, { signal: stop.signal });
    following.push(
      (async () => {
        for await (const event of pods) {
          if (event.type !== "set") continue;
          const started = event.object.status?.containerStatuses?.filter(({ state }) => state?.running || state?.terminated) ?? [];
          // A log that breaks off because its Pod goes, or because the test ends, was read as far as it went.
          for (const { name } of started) following.push(follow(event.object, name).catch(() => {}));
        }
      })(),
    );
  }
  return {
    places: () => [...written].map(([place, content]) => ({ place, content })),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.all(following);
    },
  };
}

/** What the agent answers to everything that somebody may read who may change nothing. */
export async function answers(token: string, values: Record<string, string>): Promise<Place[]> {
  const { raw } = await attacker(token);
  const paths = Object.values(contract.endpoints).flatMap(({ method, path }) => (method === "GET" ? [path as string] : []));
  return await Promise.all(
    paths.map(async (path) => {
      const filled = path.replace(/:(\w+)/g, (_, name: string) => values[name] ?? "");
      const answer = await raw("GET", filled);
      return { place: `answer to GET ${path} (${answer.status})`, content: await answer.bytes() };
    }),
  );
}

/** One image of an app. */
export interface AppImage {
  app: string;
  digest: string;
}

/**
 * Manifests, configs and layers of apps' images, as their namespace's own nodes can pull them. Layers that all of the images
 * have are of the base image: public, and older than any secret here.
 */
export async function images(tenant: string, some: readonly AppImage[]): Promise<Place[]> {
  const api = await kube();
  const service = await api.get<V1Service>({ apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry" });
  const secret = await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: tenant, name: "davit-pull" });
  const user = new RegistryUser(`https://${service?.spec?.clusterIP}:5000`, (await door()).ca, passwordOf(secret));
  const get = async (app: string, path: string) => {
    const repository = `${tenant}/${app}`;
    const response = await user.request("GET", `/v2/${repository}/${path}`, `repository:${repository}:pull`);
    if (!response.ok) throw new Error(`${path}: status ${response.status}`);
    return await response.bytes();
  };
  const pulled = await Promise.all(
    some.map(async ({ app, digest }) => {
      const manifest = await get(app, `manifests/${digest}`);
      const { config, layers } = JSON.parse(Buffer.from(manifest).toString()) as { config: BlobRef; layers: BlobRef[] };
      return { app, digest, manifest, blobs: [config, ...layers].map((blob) => blob.digest) };
    }),
  );
  const ofBase = (blob: string) => pulled.every(({ blobs }) => blobs.includes(blob));
  const places: Place[] = [];
  for (const { app, digest, manifest, blobs } of pulled) {
    places.push({ place: `manifest of ${digest}`, content: manifest });
    for (const blob of blobs.filter((one) => !ofBase(one))) places.push({ place: `blob ${blob}`, content: await get(app, `blobs/${blob}`) });
  }
  return places;
}

/** As a manifest names one. */
interface BlobRef {
  digest: string;
}

/** The password with which a namespace's nodes pull. */
export function passwordOf(pullSecret: V1Secret | undefined): string {
  const { auths } = JSON.parse(atob(pullSecret?.data?.[".dockerconfigjson"] ?? "")) as { auths: Record<string, { auth: string }> };
  return atob(Object.values(auths)[0]?.auth ?? "").split(":")[1] ?? "";
}

/** Everything that the S3 store keeps of the tenant. */
export async function storedObjects(tenant: string): Promise<Place[]> {
  const api = await kube();
  const namespace = await api.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name: tenant });
  const files = await readDisk("s3", `davit/ns/${namespace?.metadata?.uid}`);
  return files.map(({ path, content }) => ({ place: `S3 object ${path}`, content }));
}

/** The API server's own record of who asked for what, where the cluster is one whose record can be read. */
export function auditLog(): Place[] {
  const { auditLog } = layoutOf(process.env);
  return existsSync(auditLog) ? [{ place: "the API server's audit log", content: readFileSync(auditLog) }] : [];
}

/** What davit's own Secrets hold, by `SECRET KEY`: keys of TLS, of the registry and of S3, and passwords of what is outside. */
export async function installedSecrets(): Promise<Record<string, string>> {
  const secrets = await (await kube()).list<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit" });
  const values = secrets.flatMap(({ metadata, data = {} }) =>
    Object.entries(data).map(([key, value]) => [`${metadata?.name} ${key}`, Buffer.from(value, "base64").toString()] as const),
  );
  // Certificates are public, and an access key is half of every presigned URL: what is secret is the other half.
  const secret = values.filter(([name]) => !name.endsWith(".crt") && !name.endsWith(" accessKey"));
  return Object.fromEntries(secret.map(([name, value]) => [name, name.endsWith(".jwk.json") ? (JSON.parse(value) as { d: string }).d : value]));
}

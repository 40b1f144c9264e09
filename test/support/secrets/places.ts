import { existsSync, readFileSync } from "node:fs";
import { api as contract } from "#shared/api";
import type { V1Namespace, V1Pod, V1Secret, V1Service } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
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

/** What every container of davit's and of the tenant has written. */
export async function logs(tenant: string): Promise<Place[]> {
  const api = await kube();
  const pods = (await Promise.all([...OWN, tenant].map((namespace) => api.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace })))).flat();
  const asked = pods.flatMap(({ metadata, spec }) =>
    (spec?.containers ?? []).flatMap(({ name }) => [false, true].map((previous) => ({ metadata, container: name, previous }))),
  );
  return await Promise.all(
    asked.map(async ({ metadata, container, previous }) => {
      const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: metadata?.namespace, name: metadata?.name }, "log");
      const response = await api.fetch(path, { query: { container, previous } });
      const text = await response.text();
      return { place: `log of ${metadata?.namespace}/${metadata?.name}/${container}`, content: response.ok ? text : "" };
    }),
  );
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

/** Manifests, configs and layers of an app's images, as its namespace's own nodes can pull them. */
export async function images(tenant: string, app: string, digests: readonly string[]): Promise<Place[]> {
  const api = await kube();
  const service = await api.get<V1Service>({ apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry" });
  const secret = await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: tenant, name: "davit-pull" });
  const user = new RegistryUser(`https://${service?.spec?.clusterIP}:5000`, (await door()).ca, passwordOf(secret));
  const repository = `${tenant}/${app}`;
  const get = async (path: string) => {
    const response = await user.request("GET", `/v2/${repository}/${path}`, `repository:${repository}:pull`);
    if (!response.ok) throw new Error(`${path}: status ${response.status}`);
    return await response.bytes();
  };
  const places: Place[] = [];
  for (const digest of digests) {
    const manifest = await get(`manifests/${digest}`);
    const { config, layers } = JSON.parse(Buffer.from(manifest).toString()) as {
      config: { digest: string };
      layers: { digest: string; size: number }[];
    };
    // Layers of the base image are large, public, and older than any secret here.
    const own = [config, ...layers.filter(({ size }) => size < 8 << 20)];
    places.push({ place: `manifest of ${digest}`, content: manifest });
    for (const blob of own) places.push({ place: `blob ${blob.digest}`, content: await get(`blobs/${blob.digest}`) });
  }
  return places;
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

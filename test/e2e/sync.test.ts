import { expect, test } from "bun:test";
import type { KubeObject, V1Secret } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import { contentOf } from "#test/copies";
import { davit, kube, kubectl, tenant } from "#test/lab";

const WAIT_MS = 60_000;
const NAMES = ["davit-pull", "davit-trust", "davit-wildcard-tls"];

const api = await kube();
const secret = (namespace: string, name: string) => ({ apiVersion: "v1", kind: "Secret", namespace, name });

function until<R>(ref: { apiVersion: string; kind: string; namespace: string; name: string }, pick: (object: V1Secret | undefined) => R | undefined) {
  return waitFor<V1Secret, R>(api, ref, pick, AbortSignal.timeout(WAIT_MS));
}

const there = (namespace: string) => Promise.all(NAMES.map((name) => until(secret(namespace, name), (object) => object?.metadata?.uid)));
const gone = (namespace: string) => Promise.all(NAMES.map((name) => until(secret(namespace, name), (object) => (object ? undefined : true))));

async function label(namespace: string, managed: "true" | null): Promise<void> {
  const body = { metadata: { labels: { "davit.dev/managed": managed } } };
  const path = pathOf({ apiVersion: "v1", kind: "Namespace", name: namespace });
  await api.json(path, { method: "PATCH", contentType: "application/merge-patch+json", body });
}

/** The wildcard's Secret in davit's own namespace, made for the test where the installation has none. */
async function wildcard(): Promise<AsyncDisposable> {
  const name = "davit-wildcard-tls";
  const data = { "tls.crt": btoa("a certificate"), "tls.key": btoa("a key") };
  const made = await api.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "davit" },
    type: "kubernetes.io/tls",
    data,
  } as V1Secret);
  return { [Symbol.asyncDispose]: async () => void (made && (await api.remove(secret("davit", name)))) };
}

test("a tenant has davit's shared Secrets as long as it is one, whoever edits or deletes them and whenever the agent restarts", async () => {
  await using _ = await wildcard();
  await using space = await tenant("sync");
  await there(space.name);
  const bundle = contentOf(await api.get<V1Secret>(secret(space.name, "davit-trust")));
  expect(bundle).toContain("BEGIN CERTIFICATE");

  await kubectl("-n", "davit", "delete", "pod", "-l", "app.kubernetes.io/component=agent", "--wait=false");
  await kubectl("-n", space.name, "delete", "secret", "davit-pull");
  await kubectl("-n", space.name, "patch", "secret", "davit-trust", "-p", '{"stringData":{"ca.crt":"mine"}}');
  await there(space.name);
  await until(secret(space.name, "davit-trust"), (object) => (contentOf(object) === bundle ? true : undefined));

  const binding = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", namespace: space.name, name: "davit-tenant" };
  await label(space.name, null);
  await Promise.all([gone(space.name), until(binding, (object) => (object ? undefined : true))]);
  await label(space.name, "true");
  await there(space.name);
}, 120_000);

test("a Secret of somebody else's stays, and whoever looks is told", async () => {
  await using space = await tenant("sync");
  await label(space.name, null);
  await until(secret(space.name, "davit-trust"), (object) => (object ? undefined : true));
  await kubectl("-n", space.name, "create", "secret", "generic", "davit-trust", "--from-literal=ca.crt=mine");
  await label(space.name, "true");
  const event = { apiVersion: "v1", kind: "Event", namespace: space.name, name: "davit-trust.davit" };
  expect(await until(event, (object) => (object as (KubeObject & { reason?: string }) | undefined)?.reason)).toBe("NotDavits");
  expect(contentOf(await api.get<V1Secret>(secret(space.name, "davit-trust")))).toBe("mine");
  const listed = await davit(["namespace", "list"]);
  expect(listed.stderr).toContain(`${space.name}: the Secret davit-trust is somebody else's`);
}, 60_000);

import { createHash } from "node:crypto";
import { z } from "zod";
import { Fault } from "#shared/fault";
import type { Amount, Wanted } from "#shared/migration";
import { webStream } from "#shared/oci/blob";
import type { RegistryApi } from "#shared/oci/registry-api";
import { tagsOf } from "../images/external.ts";
import { MANIFESTS } from "../images/image-registry.ts";
import { forEach, Meter } from "./meter.ts";

/** A registry's API for the repository of one app and its cache. */
export type OpenApi = (repository: string) => Promise<RegistryApi>;

const AT_ONCE = 4;
const ACCEPT = { accept: MANIFESTS.join(", ") };

const Descriptor = z.object({ digest: z.string(), size: z.number() });
const Manifest = z.object({
  config: Descriptor.optional(),
  layers: z.array(Descriptor).default([]),
  manifests: z.array(Descriptor).default([]),
});
type Descriptor = z.infer<typeof Descriptor>;

interface ImageCopy {
  digest: string;
  type: string;
  text: Buffer<ArrayBuffer>;
  blobs: Descriptor[];
}

interface RepositoryCopy {
  name: string;
  from: RegistryApi;
  to: RegistryApi | undefined;
  /** Those that an index refers to come before it. */
  images: ImageCopy[];
  /** Tags that mean something else in the target, by name. */
  tags: Map<string, ImageCopy>;
}

/**
 * Brings to a registry what apps need of another one: the images of their revisions, whatever has a tag, and the caches of
 * builds. What is there already is left alone, so it goes on where it was ended. Each blob is checked against its digest on
 * the way, and each manifest is read back. Without a target it tells what there is.
 * @throws Fault registry_unavailable
 */
export async function copyImages(
  wanted: readonly Wanted[],
  { from, to }: { from: OpenApi; to: OpenApi | undefined },
  tell: (done: Amount, total: Amount) => void,
): Promise<Amount> {
  const plans: RepositoryCopy[] = [];
  await forEach(wanted, AT_ONCE, async (one) => {
    const apis = { from: await from(one.repository), to: await to?.(one.repository) };
    plans.push(await planOf(one.repository, one.digests, apis), await planOf(`${one.repository}/cache`, [], apis));
  });
  const blobs = plans.flatMap((plan) => distinct(plan.images.flatMap((image) => image.blobs)).map((blob) => ({ plan, blob })));
  const meter = new Meter(
    blobs.map(({ blob }) => blob.size),
    tell,
  );
  if (!to) return meter.total;
  await forEach(blobs, AT_ONCE, async ({ plan, blob }) => {
    await copyBlob(plan, blob);
    meter.add(blob.size);
  });
  await forEach(plans, AT_ONCE, putManifests);
  return meter.total;
}

function distinct(blobs: readonly Descriptor[]): Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

async function planOf(name: string, digests: readonly string[], apis: Pick<RepositoryCopy, "from" | "to">): Promise<RepositoryCopy> {
  const plan: RepositoryCopy = { name, ...apis, images: [], tags: new Map() };
  for (const digest of digests) await addImage(plan, digest);
  for (const tag of await tagsOf(plan.from, name)) {
    const digest = await digestOf(plan.from, name, tag);
    if (digest === undefined || digest === (plan.to && (await digestOf(plan.to, name, tag)))) continue;
    const image = (await addImage(plan, digest)) ?? (await readImage(plan, digest));
    if (image) plan.tags.set(tag, image);
  }
  return plan;
}

/** The image, unless the target has it, or the source has not: then it was collected meanwhile. */
async function addImage(plan: RepositoryCopy, digest: string): Promise<ImageCopy | undefined> {
  const planned = plan.images.find((image) => image.digest === digest);
  if (planned) return planned;
  if (plan.to && (await digestOf(plan.to, plan.name, digest)) === digest) return undefined;
  const image = await readImage(plan, digest);
  if (!image) return undefined;
  for (const child of Manifest.parse(JSON.parse(image.text.toString())).manifests) await addImage(plan, child.digest);
  plan.images.push(image);
  return image;
}

async function readImage({ name, from }: RepositoryCopy, digest: string): Promise<ImageCopy | undefined> {
  const response = await from.request(name, `manifests/${digest}`, "pull", () => ({ headers: ACCEPT }));
  if (response.status === 404) return undefined;
  const text = Buffer.from(await expectOk(response, `${name}@${digest}`).arrayBuffer());
  if (sha256(text) !== digest) throw new Fault("registry_unavailable", `${name}@${digest} is damaged where it is read`);
  const { config, layers } = Manifest.parse(JSON.parse(text.toString()));
  return { digest, text, type: response.headers.get("content-type") ?? "", blobs: [...(config ? [config] : []), ...layers] };
}

async function copyBlob({ name, from, to }: RepositoryCopy, { digest, size }: Descriptor): Promise<void> {
  if (!to || (await to.request(name, `blobs/${digest}`, "pull,push", () => ({ method: "HEAD" }))).ok) return;
  const source = expectOk(await from.request(name, `blobs/${digest}`, "pull", patient), `${name}: ${digest}`);
  const started = expectOk(await to.request(name, "blobs/uploads/", "pull,push", () => ({ method: "POST" })), `an upload to ${name}`);
  const target = new URL(started.headers.get("location") ?? "", started.url);
  target.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
  const put = await to.request(name, target.href, "pull,push", () => ({
    ...patient(),
    method: "PUT",
    headers,
    body: webStream(checked(source, digest)),
  }));
  expectOk(put, `${name}: ${digest}`);
}

/** Bun ends every fetch after five minutes unless told otherwise; a layer may take longer. */
const patient = (): RequestInit & { headers?: Record<string, string> } => ({ timeout: false }) as object;

/** The body as it comes; it ends badly when it is not what its name says, so that nobody takes it. */
async function* checked({ body }: Response, digest: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const part of body ?? []) {
    hash.update(part);
    yield part;
  }
  if (`sha256:${hash.digest("hex")}` !== digest) throw new Error(`${digest} is damaged where it is read`);
}

async function putManifests({ name, to, images, tags }: RepositoryCopy): Promise<void> {
  if (!to) return;
  for (const image of images) await putManifest(to, name, image.digest, image);
  for (const [tag, image] of tags) await putManifest(to, name, tag, image);
}

async function putManifest(to: RegistryApi, name: string, reference: string, { text, type, digest }: ImageCopy): Promise<void> {
  const init = () => ({ method: "PUT", headers: { "content-type": type }, body: text });
  expectOk(await to.request(name, `manifests/${reference}`, "pull,push", init), `${name}:${reference}`);
  const kept = expectOk(await to.request(name, `manifests/${reference}`, "pull,push", () => ({ headers: ACCEPT })), `${name}:${reference}`);
  if (sha256(Buffer.from(await kept.arrayBuffer())) === digest) return;
  throw new Fault("registry_unavailable", `${name}:${reference} is not read as it was written`);
}

async function digestOf(api: RegistryApi, name: string, reference: string): Promise<string | undefined> {
  const response = await api.request(name, `manifests/${reference}`, "pull", () => ({ method: "HEAD", headers: ACCEPT }));
  return response.ok ? (response.headers.get("docker-content-digest") ?? undefined) : undefined;
}

function expectOk(response: Response, what: string): Response {
  if (response.ok) return response;
  throw new Fault("registry_unavailable", `${what}: ${new URL(response.url).host} answered ${response.status}`);
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

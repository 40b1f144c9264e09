import { Fault } from "#shared/fault";
import { addressesOf } from "../fetch/guard.ts";
import { askDigest } from "../image/digest.ts";
import { byDigest, byTag, type ImageReference, parseImage } from "../image/reference.ts";
import { ownName } from "../images/image-registry.ts";
import { ownHosts } from "../own-hosts.ts";
import type { Note, Run } from "../run.ts";

/**
 * A pushed image by its digest, so that every instance runs the same and a rollback is to what ran. Where its registry
 * tells the agent nothing it runs as it was named: the nodes may have mirrors and credentials that the agent has not.
 * @throws Fault image_not_found, registry_unavailable
 */
export async function pinImage(run: Run, image: string, note: Note): Promise<string> {
  const reference = parseImage(image);
  const own = ownName(run.registry, `${reference.registry}/${reference.repository}`);
  if (own !== undefined) return await ownImage(run, image, reference, own);
  const refused = await addressesOf(ownHosts(run.registry.host, run.config.s3.endpoint));
  const { mirrors, extraCas, proxies } = run.config;
  const found = await askDigest(reference, { mirrors, extraCas, proxies, refused, stop: run.signal });
  if (found.kind === "missing") throw notFound(image, `${found.where} has no image ${image}`);
  if (found.kind === "digest") {
    note(`${image} is ${found.digest.slice(0, 19)}`);
    return byDigest(reference, found.digest);
  }
  if (reference.digest) return byDigest(reference, reference.digest);
  const risk = "instances that start later, and a rollback, run what the tag means then";
  run.events.append({ type: "notice", message: `the digest of ${image} is not known, so ${risk} (${found.why})` });
  return byTag(reference);
}

/** One that davit built; the nodes pull those of their own namespace only. */
async function ownImage({ registry, tenant, signal }: Run, image: string, reference: ImageReference, repository: string): Promise<string> {
  const { tag, digest } = reference;
  const reachable = repository.startsWith(`${tenant.name}/`);
  const found = reachable ? await registry.findDigest(repository, digest ?? tag, signal) : undefined;
  if (found) return byDigest(reference, found);
  throw notFound(image, `namespace '${tenant.name}' has no image ${image}`);
}

function notFound(image: string, message: string): Fault {
  return new Fault("image_not_found", message, { details: { image } });
}

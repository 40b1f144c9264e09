import { randomUUID } from "node:crypto";
import { Fault } from "#shared/fault";
import type { PlaceProblem, PlaceReason, S3Place } from "#shared/places";
import { fetchWay } from "#shared/proxy";
import { isUntrusted } from "#shared/untrusted";
import { keys } from "../store/keys.ts";
import { type ObjectStore, openStore } from "../store/object-store.ts";

/** Far from a person's patience, and enough for a bucket to be made. */
const REQUEST_MS = 15_000;

/** Does with the bucket all that davit will do with it, and has it be `cluster`'s if one is named; undefined when it goes well. */
export async function checkS3(place: S3Place, cluster?: string): Promise<PlaceProblem | undefined> {
  try {
    const store = await openStore(place, REQUEST_MS);
    await exercise(store, place);
    const owner = cluster && (await claim(store, cluster));
    return owner === cluster ? undefined : { place: "s3", reason: "taken", detail: `its object '${keys.owner}' names the cluster ${owner}` };
  } catch (error) {
    return { place: "s3", reason: reasonOf(error), detail: error instanceof Error ? error.message : String(error) };
  }
}

async function exercise(store: ObjectStore, place: S3Place): Promise<void> {
  const key = `check/${randomUUID()}`;
  const text = `davit looks whether it can write here: ${key}`;
  await store.put(key, Buffer.from(text));
  try {
    const kept = await store.get(key);
    // As builds read, which hold no key.
    const read = await fetch(await store.presign(key), { ...fetchWay(place), signal: AbortSignal.timeout(REQUEST_MS) });
    const listed = await store.list(key);
    if (!read.ok) throw new Error(`a presigned URL is answered with status ${read.status}`);
    const same = Buffer.from(kept ?? []).toString() === text && (await read.text()) === text && listed.includes(key);
    if (!same) throw new Error("what is written is not what is read");
  } finally {
    await store.remove([key]);
  }
}

/** Whose the bucket is: `cluster`'s from now on, when it was nobody's. */
async function claim(store: ObjectStore, cluster: string): Promise<string> {
  const owner = await store.get(keys.owner);
  if (owner) return new TextDecoder().decode(owner);
  await store.put(keys.owner, Buffer.from(cluster));
  return cluster;
}

const REASONS: Record<string, PlaceReason> = {
  InvalidAccessKeyId: "login",
  SignatureDoesNotMatch: "login",
  InvalidToken: "login",
  ExpiredToken: "login",
  XAdminUserNotFound: "login",
  AccessDenied: "denied",
  AllAccessDisabled: "denied",
  NoSuchBucket: "bucket",
  BucketAlreadyExists: "bucket",
  InvalidBucketName: "bucket",
  AuthorizationHeaderMalformed: "region",
  PermanentRedirect: "region",
  IllegalLocationConstraintException: "region",
  InvalidLocationConstraint: "region",
  RequestTimeTooSkewed: "clock",
  ECONNREFUSED: "unreachable",
  ECONNRESET: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENOTFOUND: "unreachable",
  ETIMEDOUT: "unreachable",
};

function reasonOf(error: unknown): PlaceReason {
  if (!(error instanceof Fault)) return "other";
  if (error.code === "store_full") return "full";
  if (isUntrusted(error.cause)) return "certificate";
  return REASONS[error.details["s3"] ?? ""] ?? (/did not answer/.test(error.message) ? "unreachable" : "other");
}

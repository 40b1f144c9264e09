import { Agent as PlainAgent } from "node:http";
import { Agent } from "node:https";
import { Client, S3Error } from "minio";
import { Fault } from "#shared/fault";
import type { S3Place } from "#shared/places";
import { agentProxy } from "#shared/proxy";
import { type Guard, guardOf } from "./guard.ts";
import { keys } from "./keys.ts";
import { RoleProvider } from "./role.ts";

/** How long a presigned URL works: longer than any build may take to start reading. */
export const PRESIGN_SECONDS = 3600;

/** A request that takes longer has been lost: 8 MiB, the most there is in one, take less at 3 Mbit/s. Whoever pushes waits for it. */
const REQUEST_MS = 30_000;

export interface StoredObject {
  key: string;
  bytes: number;
  /** When it was written, in milliseconds since 1970. */
  at: number;
  /** Another content has another one; empty where the store tells none. */
  etag: string;
}

/** What davit keeps in S3. Keys are `/`-separated; values are at most a few MiB, so they are whole in memory. */
export interface ObjectStore {
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The object, or undefined when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  has(key: string): Promise<boolean>;
  /** Keys below the prefix, sorted. */
  list(prefix: string): Promise<string[]>;
  /** The same, with size and time. */
  look(prefix: string): Promise<StoredObject[]>;
  /** The next parts of the keys below the prefix that go on after another `/`. */
  folders(prefix: string): Promise<string[]>;
  remove(keys: readonly string[]): Promise<void>;
  /** A URL with which anybody may read this one object for an hour. */
  presign(key: string): Promise<string>;
}

/**
 * Opens the bucket, making it when it is not there.
 * @throws Fault store_unavailable, store_full from every operation; `details.s3` has S3's own code for what went wrong
 */
export async function openStore(place: S3Place, requestMs = REQUEST_MS): Promise<ObjectStore> {
  const { endpoint, bucket, region, pathStyle, ca, proxy, credentials } = place;
  const useSSL = endpoint.protocol === "https:";
  const minio = new Client({
    endPoint: endpoint.hostname.replace(/^\[|\]$/g, ""),
    port: Number(endpoint.port || (useSSL ? 443 : 80)),
    useSSL,
    region,
    pathStyle,
    ...(credentials === "environment"
      ? { credentialsProvider: new RoleProvider() }
      : { accessKey: credentials.accessKey.reveal(), secretKey: credentials.secretKey.reveal() }),
    ...(useSSL ? { transportAgent: new Agent({ ...(ca ? { ca } : {}), ...agentProxy(proxy), keepAlive: true, maxSockets: 64 }) } : {}),
    ...(!useSSL && proxy ? { transportAgent: new PlainAgent(agentProxy(proxy)) } : {}),
    // Its own retries hide what S3 answered, and print.
    retryOptions: { disableRetry: true },
  });
  const guard = guardOf(requestMs);
  await guard(() => openBucket(minio, place));
  return s3Store(minio, bucket, guard);
}

/** By listing, because a request for the head alone is never told why it was refused. */
async function openBucket(minio: Client, { bucket, region }: S3Place): Promise<void> {
  try {
    for await (const _ of minio.listObjectsV2(bucket, keys.lastCollected, false)) return;
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== "NoSuchBucket") throw error;
    await minio.makeBucket(bucket, region);
  }
}

function s3Store(minio: Client, bucket: string, guard: Guard): ObjectStore {
  const objects = (prefix: string) =>
    guard(async () => {
      const found: StoredObject[] = [];
      for await (const item of minio.listObjectsV2(bucket, prefix, true)) {
        if (item.name) found.push({ key: item.name, bytes: item.size, at: item.lastModified.getTime(), etag: item.etag ?? "" });
      }
      return found.sort((a, b) => (a.key < b.key ? -1 : 1));
    });
  return {
    put: (key, bytes) =>
      guard(async () => void (await minio.putObject(bucket, key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes.length))),
    get: (key) =>
      guard(async () => {
        const parts: Buffer[] = [];
        for await (const part of await minio.getObject(bucket, key)) parts.push(part);
        return new Uint8Array(Buffer.concat(parts));
      }).catch(absent(undefined)),
    has: (key) => guard(async () => Boolean(await minio.statObject(bucket, key))).catch(absent(false)),
    list: async (prefix) => (await objects(prefix)).map(({ key }) => key),
    look: objects,
    folders: (prefix) =>
      guard(async () => {
        const found: string[] = [];
        for await (const item of minio.listObjectsV2(bucket, prefix, false)) if (item.prefix) found.push(item.prefix.slice(prefix.length, -1));
        return found.sort();
      }),
    remove: (keys) =>
      guard(async () => {
        if (keys.length === 0) return;
        // What could not be removed is in the answer only; a key that is not there is no error.
        for (const result of await minio.removeObjects(bucket, [...keys]))
          if (result?.Error) throw new Error(`${result.Error.Key}: ${result.Error.Message}`);
      }),
    presign: (key) => guard(() => minio.presignedGetObject(bucket, key, PRESIGN_SECONDS)),
  };
}

const ABSENT = new Set(["NoSuchKey", "NotFound"]);

function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Fault && ABSENT.has(error.details["s3"] ?? "")) return value;
    throw error;
  };
}

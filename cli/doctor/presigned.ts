import { S3Client } from "bun";
import type { z } from "zod";
import type { S3Place } from "#shared/places";

const SECONDS = 300;

/** URLs with which one new object can be written, read and removed, made without asking the store. */
export function presigned(place: z.input<typeof S3Place>, run: string): { put: string; get: string; remove: string } {
  const { endpoint, bucket, region, pathStyle, credentials } = place;
  if (credentials === "environment") throw new Error("a role signs no URL here");
  const { protocol, host } = new URL(endpoint);
  const client = new S3Client({
    accessKeyId: credentials.accessKey,
    secretAccessKey: credentials.secretKey,
    region,
    bucket,
    ...(pathStyle ? { endpoint } : { endpoint: `${protocol}//${bucket}.${host}`, virtualHostedStyle: true }),
  });
  const url = (method: "PUT" | "GET" | "DELETE") => client.presign(`check/doctor-${run}`, { method, expiresIn: SECONDS });
  return { put: url("PUT"), get: url("GET"), remove: url("DELETE") };
}

import { z } from "zod";
import { Secret } from "./secret.ts";

const hidden = z.string().transform((text) => new Secret(text));

/** PEM of the CAs that vouch for a server; empty: the public ones. */
const Ca = z.string();
/** The URL of the proxy on the way there; none: directly. */
export const Way = hidden.optional();

/** A bucket and the way there. As text, in JSON, it holds secrets. */
export const S3Place = z.object({
  endpoint: z.url().transform((url) => new URL(url)),
  bucket: z.string().min(1),
  region: z.string().min(1),
  /** Whether the bucket is the first part of the path, not of the host's name. */
  pathStyle: z.boolean(),
  ca: Ca,
  proxy: Way,
  /** `environment`: what the cluster's provider gives the Pod (web identity, a container's or an instance's role). */
  credentials: z.union([z.literal("environment"), z.object({ accessKey: hidden, secretKey: hidden })]),
});
export type S3Place = z.infer<typeof S3Place>;

/** A registry and the way there: images are called `host/prefix/…`. */
export const RegistryPlace = z.object({
  host: z.string().min(1),
  /** Empty: repositories begin right after the host. */
  prefix: z.string(),
  plainHttp: z.boolean(),
  ca: Ca,
  proxy: Way,
  /** None: everybody may pull and push. */
  login: z.object({ user: z.string(), password: hidden }).optional(),
});
export type RegistryPlace = z.infer<typeof RegistryPlace>;

/** Order for `davit agent check`: the places to try out, and the cluster that is to have the bucket to itself. */
export const CheckOrder = z.object({ cluster: z.string().min(1), s3: S3Place.optional(), registry: RegistryPlace.optional() });
export type CheckOrder = z.infer<typeof CheckOrder>;

/** Why a place does not serve, as far as the way to mend it differs. */
export const PlaceReason = z.enum(["unreachable", "certificate", "login", "denied", "bucket", "taken", "region", "clock", "full", "other"]);
export type PlaceReason = z.infer<typeof PlaceReason>;

export const PlaceProblem = z.object({ place: z.enum(["s3", "registry"]), reason: PlaceReason, detail: z.string() });
export type PlaceProblem = z.infer<typeof PlaceProblem>;

/** What `davit agent check` prints at its end: nothing wrong is no problem. */
export const CheckReport = z.object({ problems: z.array(PlaceProblem) });
export type CheckReport = z.infer<typeof CheckReport>;

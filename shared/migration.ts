import { z } from "zod";
import { FaultWire } from "./fault.ts";
import { RegistryPlace, S3Place } from "./places.ts";
import { Secret } from "./secret.ts";

/** A registry as somebody who may read and write all of it: davit's own by the key that signs its logins, another by its one login. */
export const RegistryEnd = z.union([
  z.object({ place: RegistryPlace }),
  z.object({ host: z.string(), ca: z.string(), key: z.string().transform((text) => new Secret(text)) }),
]);
export type RegistryEnd = z.infer<typeof RegistryEnd>;

/** Digests that an app needs of its repository, whether they have a tag or not. */
export const Wanted = z.object({ repository: z.string(), digests: z.array(z.string()) });
export type Wanted = z.infer<typeof Wanted>;

/** Order for `davit agent migrate`; without `to` it is only told what there is. */
export const MigrateOrder = z.discriminatedUnion("part", [
  z.object({ part: z.literal("s3"), from: S3Place, to: S3Place.optional() }),
  z.object({ part: z.literal("registry"), from: RegistryEnd, to: RegistryEnd.optional(), wanted: z.array(Wanted) }),
]);
export type MigrateOrder = z.infer<typeof MigrateOrder>;

/** Objects or blobs. */
export const Amount = z.object({ items: z.number(), bytes: z.number() });
export type Amount = z.infer<typeof Amount>;

/** What `davit agent migrate` prints: how far it is, and last how it ended. */
export const MigrateLine = z.discriminatedUnion("type", [
  z.object({ type: z.literal("progress"), done: Amount, total: Amount }),
  z.object({ type: z.literal("copied"), total: Amount }),
  z.object({ type: z.literal("failed"), fault: FaultWire }),
]);
export type MigrateLine = z.infer<typeof MigrateLine>;

import { z } from "zod";
import { PlaceReason, RegistryPlace, S3Place, Way } from "./places.ts";
import { Secret } from "./secret.ts";

const hidden = z.string().transform((text) => new Secret(text));

/** URLs with which one object can be written, read and removed without a key. */
const ObjectUrls = z.object({ put: hidden, get: hidden, remove: hidden });

/** Order for `davit agent probe`: the way to go, from the Pod that it is given to. As text, in JSON, it holds secrets. */
export const ProbeOrder = z.discriminatedUnion("hop", [
  z.object({ hop: z.literal("agent-s3"), place: S3Place }),
  /** As builds do, which hold no key. `ca`: PEM, empty for the public ones; without URLs, no more than a request is made. */
  z.object({ hop: z.literal("build-s3"), endpoint: z.url(), urls: ObjectUrls.optional(), ca: z.string(), proxy: Way }),
  /** Pushes an image, which stays until the Pod is ended; `remover` may delete it where another login may than the one that pushes. */
  z.object({ hop: z.literal("build-registry"), place: RegistryPlace, remover: RegistryPlace.shape.login, repository: z.string(), run: z.string() }),
  /** Waits until each of these servers shows a certificate of this CA. */
  z.object({ hop: z.literal("servers"), urls: z.array(z.url()), ca: z.string() }),
]);
export type ProbeOrder = z.infer<typeof ProbeOrder>;
/** The order as it is written. */
export type ProbeOrderText = z.input<typeof ProbeOrder>;

/** What `davit agent probe` prints, once, as one line. */
export const ProbeReport = z.object({
  /** Who answered, and with what certificate; empty where nobody did, or a proxy is between. */
  peer: z.object({ address: z.string().optional(), issuer: z.string().optional(), notAfter: z.string().optional() }),
  problem: z.object({ reason: PlaceReason, detail: z.string() }).optional(),
  /** Milliseconds since 1970, of the Pod's node and of the server, at the same moment. */
  clock: z.object({ here: z.number(), there: z.number().optional() }),
  /** Digest of the image that was pushed. */
  digest: z.string().optional(),
});
export type ProbeReport = z.infer<typeof ProbeReport>;

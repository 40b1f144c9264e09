import { z } from "zod";
import { GitCredential, GitRevision, GitUrl, NamespaceName } from "#shared/app";
import { FAULT_CODES, type FaultCode } from "#shared/fault";
import { Proxies } from "#shared/proxy";

/** What a fetch Job is to do; it reads this from a Secret of its own, because there are passwords in it. */
export const FetchOrder = z.object({
  url: GitUrl,
  revision: GitRevision.optional(),
  credential: GitCredential.extend({ name: z.string() }).optional(),
  /** PEM of those that are trusted besides the well-known ones, whatever the host. */
  extraCas: z.string(),
  proxies: Proxies,
  /** The agent that takes the source for the namespace; the token is good for that only. */
  agent: z.object({ url: z.url(), ca: z.string(), token: z.string(), namespace: NamespaceName }),
  /** Hosts in the cluster that are no git servers, whatever the URL says: their addresses are refused. */
  refused: z.array(z.string()),
});
export type FetchOrder = z.infer<typeof FetchOrder>;
export type FetchOrderText = z.input<typeof FetchOrder>;

/** A line on the fetch container's stdout; `fetched` or `failed` is the last one. */
export const FetchReport = z.discriminatedUnion("type", [
  z.object({ type: z.literal("notice"), message: z.string() }),
  /** Bytes; `total` is 0 while it is not known. */
  z.object({ type: z.literal("progress"), done: z.number(), total: z.number() }),
  z.object({ type: z.literal("fetched"), commit: z.string(), tree: z.string(), files: z.number(), bytes: z.number() }),
  z.object({
    type: z.literal("failed"),
    code: z.enum(FAULT_CODES as [FaultCode, ...FaultCode[]]),
    message: z.string(),
    details: z.record(z.string(), z.string()),
  }),
]);
export type FetchReport = z.infer<typeof FetchReport>;

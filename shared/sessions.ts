import { z } from "zod";
import { AppName, NamespaceName } from "./app.ts";
import { Fault } from "./fault.ts";

/*
 * What is no request with an answer: WebSockets, beside the contract. Each is opened at a path below, says in a header
 * what is wanted, and is authorised as requests are. What travels then is told by shared/wire.ts.
 */

/** The order, as JSON in base64url. Not in the query: the API server's proxy leaves that out of WebSockets. */
const ORDER_HEADER = "davit-order";

/** Frames of Kubernetes' v5.channel.k8s.io, as they are, in both directions. */
export const ExecOrder = z.object({
  command: z.array(z.string().min(1)).min(1).max(1000),
  tty: z.boolean(),
  instance: z.string().max(253).optional(),
});
export type ExecOrder = z.infer<typeof ExecOrder>;

/** The bytes of one connection to a port of an instance. */
export const ForwardOrder = z.object({ port: z.number().int().min(1).max(65_535) });
export type ForwardOrder = z.infer<typeof ForwardOrder>;

const ORDERS = { exec: ExecOrder, "port-forward": ForwardOrder } as const;
const PATH = /^\/v1\/namespaces\/([^/]+)\/apps\/([^/]+)\/(exec|port-forward)$/;

/** What a session is for, and of which app. */
export type Session = { namespace: string; app: string } & ({ kind: "exec"; order: ExecOrder } | { kind: "port-forward"; order: ForwardOrder });

/** Where a session is opened, and with which headers. */
export function sessionRequest({ namespace, app, kind, order }: Session): { path: string; headers: Record<string, string> } {
  const encoded = Buffer.from(JSON.stringify(order)).toString("base64url");
  return { path: `/v1/namespaces/${namespace}/apps/${app}/${kind}`, headers: { [ORDER_HEADER]: encoded } };
}

/** The session that a request asks for, undefined when it is none. @throws Fault usage */
export function sessionOf({ url, headers }: Pick<Request, "url" | "headers">): Session | undefined {
  const [, namespace, app, kind] = PATH.exec(new URL(url).pathname) ?? [];
  if (kind !== "exec" && kind !== "port-forward") return undefined;
  const wanted = z.object({ namespace: NamespaceName, app: AppName, kind: z.literal(kind), order: ORDERS[kind] });
  const parsed = wanted.safeParse({ namespace, app, kind, order: parse(headers.get(ORDER_HEADER) ?? "") });
  if (parsed.success) return parsed.data as Session;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new Fault("usage", `${field}: ${issue?.message}`, { details: { field } });
}

function parse(encoded: string): unknown {
  try {
    return JSON.parse(Buffer.from(encoded, "base64url").toString());
  } catch {
    return undefined;
  }
}

import { zstdDecompressSync } from "node:zlib";
import { z } from "zod";
import { Fault, FaultWire } from "./fault.ts";
import { lines } from "./lines.ts";
import { PROTOCOL } from "./version.ts";
import { within } from "./within.ts";

/*
 * A contract is a value: a record of endpoints. Client and server are derived from it, and both sides parse what they
 * receive. JSON bodies travel as zstd when that is smaller. A stream is NDJSON: every line `{item}`, `{heartbeat}` or,
 * exactly once and last, `{end}` or `{fault}`; a stream that stops without its last line was cut off.
 */

const PROTOCOL_HEADER = "davit-protocol";
const MAX_JSON = 96 * 1024 * 1024;
const HEARTBEAT_MS = 10_000;

export interface Endpoint<
  Path extends string = string,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType | "bytes" | undefined = z.ZodType | "bytes" | undefined,
  Output extends z.ZodType = z.ZodType,
  Kind extends "json" | "stream" = "json" | "stream",
> {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: Path;
  query?: Query;
  body?: Body;
  output: Output;
  kind: Kind;
}

/** Schemas of the `:name` parts of paths; the same name means the same thing in every endpoint. */
export type ParamSchemas = Record<string, z.ZodType>;
export interface Contract<Endpoints extends Record<string, Endpoint>, Params extends ParamSchemas> {
  endpoints: Endpoints;
  params: Params;
}

export function json<P extends string, Q extends z.ZodType, B extends z.ZodType | "bytes" | undefined, O extends z.ZodType>(
  endpoint: Omit<Endpoint<P, Q, B, O, "json">, "kind">,
): Endpoint<P, Q, B, O, "json"> {
  return { ...endpoint, kind: "json" };
}

export function stream<P extends string, Q extends z.ZodType, B extends z.ZodType | "bytes" | undefined, O extends z.ZodType>(
  endpoint: Omit<Endpoint<P, Q, B, O, "stream">, "kind">,
): Endpoint<P, Q, B, O, "stream"> {
  return { ...endpoint, kind: "stream" };
}

type PathParams<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParams<Rest>
  : P extends `${string}:${infer Name}`
    ? Name
    : never;
type Input<E, S extends ParamSchemas, Side extends "in" | "out"> =
  E extends Endpoint<infer P, infer Q, infer B, z.ZodType, "json" | "stream">
    ? { [K in PathParams<P>]: K extends keyof S ? (Side extends "in" ? z.input<S[K]> : z.output<S[K]>) : never } & (z.ZodType extends Q
        ? unknown
        : { query: Side extends "in" ? z.input<Q> : z.output<Q> }) &
        (B extends "bytes"
          ? { body: Side extends "in" ? Uint8Array<ArrayBuffer> : () => Promise<Uint8Array> }
          : B extends z.ZodType
            ? { body: Side extends "in" ? z.input<B> : z.output<B> }
            : unknown)
    : never;
type Output<E> =
  E extends Endpoint<string, z.ZodType, z.ZodType | "bytes" | undefined, infer O, infer K>
    ? K extends "stream"
      ? AsyncIterable<z.output<O>>
      : Promise<z.output<O>>
    : never;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Told the request body's bytes as they go over the wire. */
  onSent?: (bytes: number) => void;
}
export type Client<E extends Record<string, Endpoint>, S extends ParamSchemas> = {
  [K in keyof E]: (input: Input<E[K], S, "in">, options?: CallOptions) => Output<E[K]>;
};
export type Handlers<E extends Record<string, Endpoint>, S extends ParamSchemas, Context> = {
  [K in keyof E]: (input: Input<E[K], S, "out"> & { signal: AbortSignal }, context: Context) => Output<E[K]>;
};

export interface WireRequest {
  method: string;
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  signal?: AbortSignal;
}
/** Sends one request to the peer; `path` starts with `/`. Throws a Fault when there is no answer. */
export type Transport = (path: string, request: WireRequest) => Promise<Response>;

export function client<E extends Record<string, Endpoint>, S extends ParamSchemas>(contract: Contract<E, S>, transport: Transport): Client<E, S> {
  const calls = Object.entries(contract.endpoints).map(([name, endpoint]) => {
    const send = (input: Record<string, unknown>, options: CallOptions = {}) => request(endpoint, input, transport, options);
    const call =
      endpoint.kind === "json"
        ? async (input: Record<string, unknown>, options?: CallOptions) => parseAnswer(endpoint, await (await send(input, options)).json())
        : async function* (input: Record<string, unknown>, options?: CallOptions) {
            yield* readStream(endpoint, await send(input, options));
          };
    return [name, call];
  });
  return Object.fromEntries(calls);
}

async function request(endpoint: Endpoint, input: Record<string, unknown>, transport: Transport, options: CallOptions): Promise<Response> {
  const path = endpoint.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(input[name])));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries((input["query"] ?? {}) as Record<string, unknown>))
    if (value !== undefined) query.set(key, String(value));
  const headers: Record<string, string> = { [PROTOCOL_HEADER]: String(PROTOCOL) };
  const body = endpoint.body === undefined ? undefined : encodeBody(endpoint.body, input["body"], headers);
  if (body) options.onSent?.(body.length);
  const response = await transport(query.size > 0 ? `${path}?${query}` : path, {
    method: endpoint.method,
    headers,
    ...(body ? { body } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  if (!response.ok) throw await readFault(response);
  return response;
}

function encodeBody(kind: z.ZodType | "bytes", body: unknown, headers: Record<string, string>): Uint8Array<ArrayBuffer> {
  if (kind === "bytes") {
    headers["content-type"] = "application/octet-stream";
    return body as Uint8Array<ArrayBuffer>;
  }
  headers["content-type"] = "application/json";
  const text = new TextEncoder().encode(JSON.stringify(body));
  const squeezed = Bun.zstdCompressSync(text, { level: 6 });
  if (squeezed.length >= text.length) return text;
  headers["content-encoding"] = "zstd";
  return squeezed as Uint8Array<ArrayBuffer>;
}

async function readFault(response: Response): Promise<Fault> {
  const text = await response.text();
  try {
    return Fault.fromWire(FaultWire.parse(JSON.parse(text).fault));
  } catch (cause) {
    const status = String(response.status);
    return new Fault("agent_unreachable", `something other than the davit agent answered (status ${status})`, {
      cause,
      details: { status, answer: text.slice(0, 200) },
    });
  }
}

function parseAnswer(endpoint: Endpoint, value: unknown): unknown {
  const parsed = endpoint.output.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Fault("version_skew", `the agent's answer to ${endpoint.method} ${endpoint.path} has another form than this davit knows`, {
    cause: parsed.error,
  });
}

async function* readStream(endpoint: Endpoint, response: Response): AsyncGenerator<unknown> {
  const cutOff = (cause?: unknown) => new Fault("agent_lost", "the connection to the agent broke before the end of the answer", { cause });
  if (!response.body) throw cutOff();
  try {
    for await (const line of lines(response.body)) {
      const frame = JSON.parse(line);
      if (frame.end) return;
      if (frame.fault) throw Fault.fromWire(FaultWire.parse(frame.fault));
      if (frame.item !== undefined) yield parseAnswer(endpoint, frame.item);
    }
  } catch (error) {
    if (error instanceof Fault || (error instanceof Error && error.name === "AbortError")) throw error;
    throw cutOff(error);
  }
  throw cutOff();
}

/** The other side: a function from request to response. `authenticate` runs before a handler, and may throw a Fault; `toFault` makes one of anything thrown. */
export function serve<E extends Record<string, Endpoint>, S extends ParamSchemas, Context>(
  contract: Contract<E, S>,
  handlers: Handlers<E, S, Context>,
  options: {
    authenticate: (request: Request) => Promise<Context>;
    toFault: (error: unknown) => Fault;
    onBug: (error: unknown, request: Request) => void;
  },
): (request: Request) => Promise<Response> {
  const routes = Object.entries(contract.endpoints).map(([name, endpoint]) => ({ name, endpoint, match: matcher(endpoint) }));
  return async (request) => {
    const toFault = (error: unknown) => {
      const fault = options.toFault(error);
      if (fault.code === "bug") options.onBug(error, request);
      return fault;
    };
    try {
      const path = new URL(request.url).pathname;
      for (const { name, endpoint, match } of routes) {
        const found = match(request.method, path);
        if (!found) continue;
        checkProtocol(request);
        const context = await options.authenticate(request);
        const input = await readInput(endpoint, contract.params, found, request);
        const handler = handlers[name as keyof E] as unknown as (input: unknown, context: Context) => unknown;
        const answer = handler({ ...input, signal: request.signal }, context);
        if (endpoint.kind === "stream") return writeStream(answer as AsyncIterable<unknown>, toFault);
        return Response.json((await answer) ?? {});
      }
      throw new Fault("usage", `the agent has no ${request.method} ${path}`);
    } catch (error) {
      const fault = toFault(error);
      return Response.json({ fault: fault.toWire() }, { status: fault.httpStatus });
    }
  };
}

function matcher(endpoint: Endpoint): (method: string, path: string) => Record<string, string> | undefined {
  const names = [...endpoint.path.matchAll(/:(\w+)/g)].map((found) => found[1] ?? "");
  const pattern = new RegExp(`^${endpoint.path.replace(/:\w+/g, "([^/]+)")}$`);
  return (method, path) => {
    const found = method === endpoint.method ? pattern.exec(path) : null;
    return found ? Object.fromEntries(names.map((name, index) => [name, decodeParam(found[index + 1] ?? "", name)])) : undefined;
  };
}

function decodeParam(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new Fault("usage", `${name}: is not valid`, { cause, details: { field: name } });
  }
}

function checkProtocol(request: Request): void {
  const theirs = request.headers.get(PROTOCOL_HEADER);
  if (theirs !== null && theirs !== String(PROTOCOL)) {
    throw new Fault("version_skew", `this agent speaks protocol ${PROTOCOL}, the caller ${theirs}`);
  }
}

async function readInput(endpoint: Endpoint, params: ParamSchemas, found: Record<string, string>, request: Request) {
  const input: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(found)) input[name] = parseInput(params[name] ?? z.string(), text, name);
  if (endpoint.query) {
    input["query"] = parseInput(endpoint.query, Object.fromEntries(new URL(request.url).searchParams), "query");
  }
  // Read when the handler wants it: until then the sender waits, and nothing lies in memory.
  if (endpoint.body === "bytes") input["body"] = async () => new Uint8Array(await request.arrayBuffer());
  else if (endpoint.body) input["body"] = parseInput(endpoint.body, await readJson(request), "body");
  return input;
}

function parseInput(schema: z.ZodType, value: unknown, name: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = [name, ...(issue?.path ?? [])].join(".");
  throw new Fault("usage", `${where}: ${issue?.message ?? "is not valid"}`, { details: { field: where } });
}

async function readJson(request: Request): Promise<unknown> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  try {
    const text = request.headers.get("content-encoding") === "zstd" ? zstdDecompressSync(bytes, { maxOutputLength: MAX_JSON }) : bytes;
    return JSON.parse(new TextDecoder().decode(text));
  } catch (cause) {
    throw new Fault("usage", "the request's body is not JSON", { cause });
  }
}

function writeStream(items: AsyncIterable<unknown>, toFault: (error: unknown) => Fault): Response {
  const encoder = new TextEncoder();
  const iterator = items[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<unknown>> | undefined;
  let gone = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const write = (frame: unknown) => controller.enqueue(encoder.encode(`${JSON.stringify(frame)}\n`));
      try {
        pending ??= iterator.next();
        const next = await within(HEARTBEAT_MS, pending);
        if (gone) return;
        if (!next) return write({ heartbeat: true });
        pending = undefined;
        if (!next.done) return write({ item: next.value });
        write({ end: true });
      } catch (error) {
        // Nobody reads any more: what the end of the reader brought about is no news.
        if (gone) return;
        write({ fault: toFault(error).toWire() });
      }
      controller.close();
    },
    async cancel() {
      gone = true;
      await iterator.return?.();
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" } });
}

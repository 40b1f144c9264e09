import { zstdDecompressSync } from "node:zlib";
import { z } from "zod";
import { Fault } from "./fault.ts";
import { type Contract, type Endpoint, type Handlers, type ParamSchemas, PROTOCOL_HEADER } from "./rpc.ts";
import { PROTOCOL } from "./version.ts";
import { within } from "./within.ts";

const MAX_JSON = 96 * 1024 * 1024;
const HEARTBEAT_MS = 10_000;

/** A contract as a function from request to response. `authenticate` runs before a handler, and may throw a Fault; `toFault` makes one of anything thrown. */
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
        const input = readInput(endpoint, contract.params, found, request);
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

/** @throws Fault version_skew */
export function checkProtocol(request: Request): void {
  const theirs = request.headers.get(PROTOCOL_HEADER);
  if (theirs !== null && theirs !== String(PROTOCOL)) {
    throw new Fault("version_skew", `this agent speaks protocol ${PROTOCOL}, the caller ${theirs}`);
  }
}

function readInput(endpoint: Endpoint, params: ParamSchemas, found: Record<string, string>, request: Request) {
  const input: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(found)) input[name] = parseInput(params[name] ?? z.string(), text, name);
  if (endpoint.query) {
    input["query"] = parseInput(endpoint.query, Object.fromEntries(new URL(request.url).searchParams), "query");
  }
  // Read when the handler wants it, which is when it knows that the caller may: until then nothing lies in memory.
  const { body } = endpoint;
  if (body === "bytes") input["body"] = async () => new Uint8Array(await request.arrayBuffer());
  else if (body) input["body"] = async () => parseInput(body, await readJson(request), "body");
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

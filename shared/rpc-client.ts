import type { z } from "zod";
import { Fault, FaultWire } from "./fault.ts";
import { lines } from "./lines.ts";
import { type CallOptions, type Client, type Contract, type Endpoint, type ParamSchemas, PROTOCOL_HEADER } from "./rpc.ts";
import { PROTOCOL } from "./version.ts";

export interface WireRequest {
  method: string;
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  signal?: AbortSignal;
}
/** Sends one request to the peer; `path` starts with `/`. Throws a Fault when there is no answer. */
export type Transport = (path: string, request: WireRequest) => Promise<Response>;

/** The calls of a contract, over a transport. */
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

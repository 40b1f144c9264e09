import type { z } from "zod";

/*
 * A contract is a value: a record of endpoints. Client (rpc-client.ts) and server (rpc-server.ts) are derived from it, and
 * both sides parse what they receive. JSON bodies travel as zstd when that is smaller. A stream is NDJSON: every line `{item}`, `{heartbeat}` or,
 * exactly once and last, `{end}` or `{fault}`; a stream that stops without its last line was cut off.
 */

export const PROTOCOL_HEADER = "davit-protocol";

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
            ? { body: Side extends "in" ? z.input<B> : () => Promise<z.output<B>> }
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

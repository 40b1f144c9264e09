import { createServer, type IncomingMessage, request as requestPlain, type ServerResponse } from "node:http";
import { createServer as createTlsServer, request as requestTls } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { S3Place } from "#shared/places";
import { newAuthority, newLeaf } from "#shared/tls/signing";

/** How answers of a server go wrong on their way. */
export type Spoiled = "none" | "slow" | "503" | "truncated";

export interface FaultyProxy extends Disposable {
  /** The store behind the proxy. */
  place: S3Place;
  /** The next `times` answers to requests of the method go wrong so. */
  fail(fault: Spoiled, method: string, times?: number): void;
  /** Requests that came, those that went wrong included. */
  count: number;
  /** Answers that went wrong. */
  spoiled: number;
}

export interface ProxyOptions {
  address?: string;
  /** With a certificate of a CA of its own. */
  tls?: boolean;
}

const SLOW_MS = 400;
const SLOW_DOWN = "<Error><Code>SlowDown</Code><Message>please reduce your request rate</Message></Error>";

/** A proxy before a real S3 store; what is signed is the proxy's own address. Node's server, because Bun's would mend a body that is too short. */
export async function startFaultyProxy(behind: S3Place, { address = "127.0.0.1", tls = false }: ProxyOptions = {}): Promise<FaultyProxy> {
  const plan: { fault: Spoiled; method: string; left: number } = { fault: "none", method: "", left: 0 };
  const counts = { count: 0, spoiled: 0 };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    counts.count++;
    const fault = plan.left > 0 && request.method === plan.method ? plan.fault : "none";
    if (fault !== "none") {
      plan.left--;
      counts.spoiled++;
    }
    const body = await buffer(request);
    if (fault === "503") return void response.writeHead(503, { "content-type": "application/xml" }).end(SLOW_DOWN);
    const got = await forward(behind, request, body);
    if (fault === "slow") await Bun.sleep(SLOW_MS);
    response.writeHead(got.status, got.headers);
    if (fault !== "truncated" || got.body.length < 8) return void response.end(got.body);
    response.write(got.body.subarray(0, got.body.length - 7), () => response.destroy());
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => void answer(request, response).catch(() => response.destroy());
  const certificate = tls ? await certificateFor(address) : undefined;
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    place: { ...behind, endpoint: new URL(`${tls ? "https" : "http"}://${address}:${port}`), ca: certificate?.ca ?? "" },
    fail: (fault, method, times = 1) => void Object.assign(plan, { fault, method, left: times }),
    get count() {
      return counts.count;
    },
    get spoiled() {
      return counts.spoiled;
    },
    [Symbol.dispose]: () => void server.close(),
  };
}

async function certificateFor(address: string): Promise<{ cert: string; key: string; ca: string }> {
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: ["localhost", address] });
  return { cert: leaf.certificate, key: leaf.key.reveal(), ca: authority.certificate };
}

interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

/** With every header as it came: they are signed. */
async function forward({ endpoint, ca }: S3Place, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  const got = Promise.withResolvers<IncomingMessage>();
  const options = { hostname: endpoint.hostname, port: endpoint.port, method, path: url, headers, agent: false } as const;
  const sent = endpoint.protocol === "https:" ? requestTls({ ...options, ca }, got.resolve) : requestPlain(options, got.resolve);
  sent.on("error", got.reject);
  sent.end(body);
  const response = await got.promise;
  const { connection: _, "transfer-encoding": __, ...kept } = response.headers;
  return { status: response.statusCode ?? 502, headers: kept, body: await buffer(response) };
}

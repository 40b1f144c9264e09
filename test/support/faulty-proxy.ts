import type { S3Place } from "#shared/places";
import { freePort } from "./free-port.ts";

/** How answers of a server go wrong on their way. */
export type Spoiled = "none" | "slow" | "503" | "truncated";

export interface FaultyProxy extends Disposable {
  /** The store behind the proxy, in clear: what is signed is the proxy's own address. */
  url: URL;
  /** The next `times` answers to requests of the method go wrong so. */
  fail(fault: Spoiled, method: string, times?: number): void;
  /** Requests that came, those that went wrong included. */
  count: number;
}

const SLOW_MS = 400;

/** A proxy before a real S3 store. It speaks TCP by itself: Bun's server would mend a body that is too short. */
export function startFaultyProxy(behind: S3Place): FaultyProxy {
  const port = freePort();
  const plan: { fault: Spoiled; method: string; left: number } = { fault: "none", method: "", left: 0 };
  const proxy = { count: 0 };
  const server = Bun.listen<{ wait: Promise<void> }>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => {
        socket.data = { wait: Promise.resolve() };
      },
      data: (socket, bytes) => {
        proxy.count++;
        const request = Buffer.from(bytes);
        socket.data.wait = socket.data.wait.then(async () => {
          const method = request.toString("latin1").split(" ")[0] ?? "";
          const goesWrong = plan.left > 0 && method === plan.method;
          if (goesWrong) plan.left--;
          const answer = goesWrong && plan.fault === "503" ? SLOW_DOWN : await answerOf(behind, request);
          if (goesWrong && plan.fault === "slow") await Bun.sleep(SLOW_MS);
          socket.write(goesWrong && plan.fault === "truncated" ? answer.subarray(0, answer.length - 7) : answer);
          socket.end();
        });
      },
    },
  });
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    fail: (fault, method, times = 1) => void Object.assign(plan, { fault, method, left: times }),
    get count() {
      return proxy.count;
    },
    [Symbol.dispose]: () => server.stop(true),
  };
}

const SLOW_DOWN = Buffer.from(
  response(
    503,
    { "content-type": "application/xml" },
    Buffer.from("<Error><Code>SlowDown</Code><Message>please reduce your request rate</Message></Error>"),
  ),
);

/** The store's answer, on a connection of its own, which it ends. Requests of these tests fit into one read. */
async function answerOf({ endpoint, ca }: S3Place, request: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  const over = Promise.withResolvers<void>();
  const once = Buffer.from(
    request
      .toString("latin1")
      .replace(/\r\nconnection: [^\r]*/i, "")
      .replace("\r\n", "\r\nConnection: close\r\n"),
    "latin1",
  );
  await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(endpoint.port),
    tls: { ca, serverName: "localhost" },
    socket: {
      open: (socket) => void socket.write(once),
      data: (_, bytes) => void parts.push(Buffer.from(bytes)),
      close: () => over.resolve(),
      error: (_, error) => over.reject(error),
    },
  });
  await over.promise;
  return Buffer.concat(parts);
}

function response(status: number, headers: Record<string, string>, body: Buffer): string {
  const lines = Object.entries({ ...headers, "content-length": String(body.length), connection: "close" }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 ${status} -\r\n${lines.join("")}\r\n${body}`;
}

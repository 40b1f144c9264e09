import { connect, createServer, type Socket } from "node:net";

export interface ForwardProxy extends AsyncDisposable {
  /** With its login. */
  url: string;
  /** `host:port` of what was asked for and passed on, in order. */
  passed: string[];
  /** The same of what came without the login. */
  refused: string[];
}

export interface ProxyOptions {
  login: { user: string; password: string };
  /** Where it listens. */
  hostname?: string;
  /** Where names lead; others are looked up. */
  hosts?: Record<string, string>;
}

/** A forward proxy that passes on TLS by CONNECT, for who has the login. */
export async function forwardProxy({ login, hostname = "127.0.0.1", hosts = {} }: ProxyOptions): Promise<ForwardProxy> {
  const passed: string[] = [];
  const refused: string[] = [];
  const open = new Set<Socket>();
  const wanted = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => client.destroy()).on("close", () => open.delete(client));
    client.once("data", (head) => {
      const [, target = ""] = /^CONNECT (\S+) HTTP/.exec(head.toString("latin1")) ?? [];
      const said = /^proxy-authorization: (.*)\r$/im.exec(head.toString("latin1"))?.[1];
      (said === wanted ? passed : refused).push(target);
      if (said === wanted) tunnel(client, target, hosts);
      else client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n');
    });
  });
  await new Promise<void>((listening) => server.listen(0, hostname, listening));
  const { port } = server.address() as { port: number };
  const credentials = [login.user, login.password].map(encodeURIComponent).join(":");
  return {
    url: `http://${credentials}@${hostname}:${port}`,
    passed,
    refused,
    [Symbol.asyncDispose]: async () => {
      for (const client of open) client.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function tunnel(client: Socket, target: string, hosts: Record<string, string>): void {
  const { hostname, port } = new URL(`https://${target}`);
  const upstream = connect(Number(port || 443), hosts[hostname] ?? hostname.replace(/^\[|\]$/g, ""), () => {
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    client.pipe(upstream).pipe(client);
  });
  upstream.on("error", () => client.destroy());
  client.on("close", () => upstream.destroy());
}

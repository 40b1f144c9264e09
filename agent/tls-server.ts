import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Server } from "bun";
import type { Log } from "./log.ts";

/** Kubelet brings a changed Secret into the Pod within about a minute; looking more often than that costs two small reads. */
const RELOAD_MS = 10_000;

/** What Bun's `tls` takes. */
export interface TlsFiles {
  cert: string;
  key: string;
}

export interface TlsServer {
  readonly port: number;
  /** Takes the certificate from its files again; true when it had changed. Connections that are open go on with the old one. */
  reload(): Promise<boolean>;
  /** Takes no new connections and resolves when the transfers under way have ended; with `now`, ends them. */
  stop(now?: boolean): Promise<void>;
}

/** A server with the certificate of a folder that a Secret is mounted as. `listen` has to set `reusePort`. */
export async function serveTls(folder: string, wantedPort: number, listen: (port: number, tls: TlsFiles) => Server<undefined>): Promise<TlsServer> {
  let files = await readFiles(folder);
  let server = listen(wantedPort, files);
  const port = server.port ?? wantedPort;
  return {
    port,
    async reload() {
      const next = await readFiles(folder);
      if (next.cert === files.cert && next.key === files.key) return false;
      // Both listen for a moment (SO_REUSEPORT), so no connection is refused in between.
      const old = server;
      server = listen(port, next);
      files = next;
      void old.stop();
      return true;
    },
    stop: (now = false) => server.stop(now),
  };
}

/** Reloads a server whenever its files have changed, until `signal` aborts. */
export function keepReloading(server: TlsServer, log: Log, signal: AbortSignal): void {
  const reload = async () => {
    if (await server.reload()) log("the certificate was changed", { port: server.port });
  };
  const timer = setInterval(() => reload().catch((error) => log("the certificate could not be read", { port: server.port, error })), RELOAD_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

async function readFiles(folder: string): Promise<TlsFiles> {
  const [cert, key] = await Promise.all([readFile(join(folder, "tls.crt"), "utf8"), readFile(join(folder, "tls.key"), "utf8")]);
  return { cert, key };
}

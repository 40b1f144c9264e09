import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type S3Key, USERS_FILE, usersOf } from "#cli/install/s3-accounts";
import type { S3Place } from "#shared/places";
import { Secret } from "#shared/secret";
import { type ObjectStore, openStore } from "../../agent/store/object-store.ts";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { freePort } from "./free-port.ts";
import { writeServerTls } from "./server-tls.ts";
import { temporaryFolder } from "./temporary.ts";

export interface TestStore extends AsyncDisposable {
  store: ObjectStore;
  place: S3Place;
  /** Where its `tls.crt` and `tls.key` are. */
  folder: string;
  /** Stops the server, as a node that goes away would. */
  stop(): Promise<void>;
  /** Leaves it there, but it does not answer any more. */
  freeze(): void;
}

export interface StoreOptions {
  requestMs?: number;
  /** Where it listens, which is also the name in its certificate; loopback by default. */
  address?: string;
  /** Who may use it beside `test`, whose secret is `test-secret`. */
  others?: S3Key[];
}

/** The S3 server that install puts into clusters, over verified TLS, on a free port and a folder of its own. */
export async function startVersity({ requestMs, address = "127.0.0.1", others = [] }: StoreOptions = {}): Promise<TestStore> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const ca = await writeServerTls(folder, address);
  await mkdir(join(folder, "data"));
  await Bun.write(join(folder, "accounts", USERS_FILE), usersOf(others));
  const port = freePort();
  const server = Bun.spawn(
    [
      binary(),
      "--port",
      `${address}:${port}`,
      "--cert",
      join(folder, "tls.crt"),
      "--key",
      join(folder, "tls.key"),
      "--iam-dir",
      join(folder, "accounts"),
      "--health",
      "/healthz",
      "--quiet",
      "posix",
      join(folder, "data"),
    ],
    { env: { ROOT_ACCESS_KEY: "test", ROOT_SECRET_KEY: "test-secret" }, stdout: "ignore", stderr: "ignore" },
  );
  const stop = async () => {
    server.kill("SIGKILL");
    await server.exited;
  };
  resources.defer(stop);
  const place: S3Place = {
    endpoint: new URL(`https://${address}:${port}`),
    bucket: "davit",
    region: "us-east-1",
    pathStyle: true,
    ca,
    credentials: { accessKey: new Secret("test"), secretKey: new Secret("test-secret") },
  };
  const store = await openWhenUp(() => openStore(place, requestMs), server);
  return { store, place, folder, stop, freeze: () => server.kill("SIGSTOP"), [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function binary(): string {
  const found = Bun.which("versitygw", { PATH: `${layoutOf(process.env).bin}:${process.env["PATH"]}` });
  if (!found) throw new Error("there is no `versitygw` binary here; `scripts/cluster/up` builds it");
  return found;
}

async function openWhenUp(open: () => Promise<ObjectStore>, server: Bun.Subprocess): Promise<ObjectStore> {
  while (server.exitCode === null) {
    const store = await open().catch(() => undefined);
    if (store) return store;
    await Bun.sleep(20);
  }
  throw new Error(`versitygw ended with ${server.exitCode}`);
}

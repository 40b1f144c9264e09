import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { newAuthority, newLeaf } from "#cli/install/certificates";
import { Secret } from "#shared/secret";
import { type ObjectStore, openStore } from "../../agent/store/object-store.ts";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { freePort } from "./free-port.ts";
import { temporaryFolder } from "./temporary.ts";

export interface TestStore extends AsyncDisposable {
  store: ObjectStore;
  /** Stops the server, as a node that goes away would. */
  stop(): Promise<void>;
  /** Leaves it there, but it does not answer any more. */
  freeze(): void;
}

/** The S3 server that install puts into clusters, over verified TLS, on a free port and a folder of its own. */
export async function startVersity(options: { requestMs?: number } = {}): Promise<TestStore> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: ["localhost", "127.0.0.1"] });
  await Bun.write(join(folder, "tls.crt"), leaf.certificate);
  await Bun.write(join(folder, "tls.key"), leaf.key.reveal());
  await mkdir(join(folder, "data"));
  const port = freePort();
  const server = Bun.spawn(
    [
      binary(),
      "--port",
      `127.0.0.1:${port}`,
      "--cert",
      join(folder, "tls.crt"),
      "--key",
      join(folder, "tls.key"),
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
  const s3 = { endpoint: new URL(`https://localhost:${port}`), bucket: "davit", accessKey: new Secret("test"), secretKey: new Secret("test-secret") };
  const store = await openWhenUp(() => openStore(s3, authority.certificate, options.requestMs), server);
  return { store, stop, freeze: () => server.kill("SIGSTOP"), [Symbol.asyncDispose]: () => resources.disposeAsync() };
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

import { join } from "node:path";
import type { RegistryPlace } from "#shared/places";
import { Secret } from "#shared/secret";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { freePort } from "./free-port.ts";
import { writeServerTls } from "./server-tls.ts";
import { temporaryFolder } from "./temporary.ts";

export interface ExternalRegistry extends AsyncDisposable {
  place: RegistryPlace;
}

export interface RegistryOptions {
  address?: string;
  tls?: boolean;
  login?: { user: string; password: string };
  deletes?: boolean;
}

/** The cluster's own distribution as somebody else's registry: a private CA, a password file, no gate. Ends with its scope. */
export async function startExternalRegistry({
  address = "127.0.0.1",
  tls = true,
  login,
  deletes = true,
}: RegistryOptions = {}): Promise<ExternalRegistry> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const ca = await writeServerTls(folder, address);
  if (login)
    await Bun.write(join(folder, "htpasswd"), `${login.user}:${await Bun.password.hash(login.password, { algorithm: "bcrypt", cost: 4 })}\n`);
  const host = `${address}:${freePort()}`;
  const config = {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: deletes } },
    http: { addr: host, ...(tls ? { tls: { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") } } : {}) },
    ...(login ? { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } } : {}),
  };
  await Bun.write(join(folder, "config.json"), JSON.stringify(config));
  const server = Bun.spawn([binary(), "serve", join(folder, "config.json")], {
    env: { OTEL_TRACES_EXPORTER: "none" },
    stdout: "ignore",
    stderr: Bun.file(join(folder, "log")),
  });
  resources.defer(async () => {
    server.kill("SIGKILL");
    await server.exited;
  });
  const answers = () => fetch(`${tls ? "https" : "http"}://${host}/`, { tls: { ca } }).then(Boolean, () => false);
  while (!(await answers())) {
    if (server.exitCode !== null) throw new Error(`distribution ended with ${server.exitCode}: ${await Bun.file(join(folder, "log")).text()}`);
    await Bun.sleep(10);
  }
  const place: RegistryPlace = {
    host,
    prefix: "",
    plainHttp: !tls,
    ca: tls ? ca : "",
    login: login && { user: login.user, password: new Secret(login.password) },
  };
  return { place, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

function binary(): string {
  const found = Bun.which("registry", { PATH: `${layoutOf(process.env).bin}:${process.env["PATH"]}` });
  if (!found) throw new Error("there is no `registry` binary here; `scripts/cluster/up` builds it");
  return found;
}

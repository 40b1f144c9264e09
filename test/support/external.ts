import { join } from "node:path";
import type { RegistryPlace } from "#shared/places";
import { Secret } from "#shared/secret";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { freePort } from "./free-port.ts";
import { writeServerTls } from "./server-tls.ts";
import { temporaryFolder } from "./temporary.ts";

export interface ExternalRegistry extends AsyncDisposable {
  place: RegistryPlace;
  /** Starts it anew with what it has, as one that deletes images or refuses to. */
  restart(options: { deletes: boolean }): Promise<void>;
}

export interface RegistryOptions {
  address?: string;
  tls?: boolean;
  login?: Login | undefined;
  /** Others who may log in. */
  others?: Login[];
  deletes?: boolean;
}

interface Login {
  user: string;
  password: string;
}

/** The cluster's own distribution as somebody else's registry: a private CA, a password file, no gate. Ends with its scope. */
export async function startExternalRegistry({
  address = "127.0.0.1",
  tls = true,
  login,
  others = [],
  deletes = true,
}: RegistryOptions = {}): Promise<ExternalRegistry> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const ca = await writeServerTls(folder, address);
  if (login) await Bun.write(join(folder, "htpasswd"), (await Promise.all([login, ...others].map(passwordLine))).join(""));
  const host = `${address}:${freePort()}`;
  const serve = async (mayDelete: boolean) => {
    const config = {
      version: "0.1",
      log: { level: "warn", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: mayDelete } },
      http: { addr: host, ...(tls ? { tls: { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") } } : {}) },
      ...(login ? { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } } : {}),
    };
    await Bun.write(join(folder, "config.json"), JSON.stringify(config));
    return await startServer(folder, () => fetch(`${tls ? "https" : "http"}://${host}/`, { tls: { ca } }).then(Boolean, () => false));
  };
  let stop = await serve(deletes);
  resources.defer(() => stop());
  const place: RegistryPlace = {
    host,
    prefix: "",
    plainHttp: !tls,
    ca: tls ? ca : "",
    login: login && { user: login.user, password: new Secret(login.password) },
  };
  return {
    place,
    async restart(options) {
      await stop();
      stop = await serve(options.deletes);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function passwordLine({ user, password }: Login): Promise<string> {
  return `${user}:${await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 })}\n`;
}

/** Gives what ends it. */
async function startServer(folder: string, answers: () => Promise<boolean>): Promise<() => Promise<void>> {
  const server = Bun.spawn([binary(), "serve", join(folder, "config.json")], {
    env: { OTEL_TRACES_EXPORTER: "none" },
    stdout: "ignore",
    stderr: Bun.file(join(folder, "log")),
  });
  while (!(await answers())) {
    if (server.exitCode !== null) throw new Error(`distribution ended with ${server.exitCode}: ${await Bun.file(join(folder, "log")).text()}`);
    await Bun.sleep(10);
  }
  return async () => {
    server.kill("SIGKILL");
    await server.exited;
  };
}

function binary(): string {
  const found = Bun.which("registry", { PATH: `${layoutOf(process.env).bin}:${process.env["PATH"]}` });
  if (!found) throw new Error("there is no `registry` binary here; `scripts/cluster/up` builds it");
  return found;
}

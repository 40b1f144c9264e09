import { join } from "node:path";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { freePort } from "./free-port.ts";

/** The cluster's own distribution on a free port, in clear and for everybody. Ends with its scope. */
export async function startOpenRegistry(folder: string): Promise<AsyncDisposable & { url: string }> {
  const binary = Bun.which("registry", { PATH: `${layoutOf(process.env).bin}:${process.env.PATH}` });
  if (!binary) throw new Error("there is no `registry` binary here; `scripts/cluster/up` builds it");
  const url = `http://127.0.0.1:${freePort()}`;
  const config = {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: new URL(url).host },
  };
  await Bun.write(join(folder, "open.json"), JSON.stringify(config));
  const env = { OTEL_TRACES_EXPORTER: "none" };
  const server = Bun.spawn([binary, "serve", join(folder, "open.json")], { env, stdout: "ignore", stderr: Bun.file(join(folder, "open.log")) });
  const answers = () =>
    fetch(url).then(
      () => true,
      () => false,
    );
  while (server.exitCode === null && !(await answers())) await Bun.sleep(10);
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
    },
  };
}

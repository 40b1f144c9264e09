import { join } from "node:path";
import { mintBuildCredential, mintPullCredential } from "#shared/registry/credential";
import { type RegistryKey, registryKeyOf } from "#shared/registry/key";
import { readGateConfig } from "../../agent/registry/config.ts";
import { serveGate } from "../../agent/registry/gate.ts";
import type { TlsServer } from "../../agent/tls-server.ts";
import { startDistribution, writeGateFiles } from "./distribution.ts";
import { RegistryBuild } from "./registry-build.ts";
import { RegistryUser } from "./registry-user.ts";
import { temporaryFolder } from "./temporary.ts";

/** The registry as it runs in a cluster: distribution and davit's gate before it. */
export interface TestRegistry extends AsyncDisposable {
  /** host:port. */
  host: string;
  ca: string;
  key: RegistryKey;
  /** Distribution's root directory. */
  data: string;
  restartGate(): Promise<void>;
  /** What a build of the app does, in its repository or its cache. */
  build(app: string, repository?: string): Promise<RegistryBuild>;
  puller(namespace: string): Promise<RegistryUser>;
}

export async function startRegistry(): Promise<TestRegistry> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const files = await writeGateFiles(folder);
  const key = await registryKeyOf(files.key);
  const distribution = resources.use(await startDistribution(folder));
  const data = join(folder, "data");
  const config = readGateConfig({
    DAVIT_GATE_HOST: "localhost",
    DAVIT_GATE_PORT: "0",
    DAVIT_GATE_UPSTREAM: distribution.url,
    DAVIT_GATE_TLS: join(folder, "tls"),
    DAVIT_GATE_KEYS: join(folder, "keys"),
    DAVIT_GATE_TOKEN_KEY: join(folder, "token-key"),
    DAVIT_GATE_STORAGE: data,
  });
  let gate: TlsServer;
  const startGate = async () => {
    gate = await serveGate(config, () => undefined);
  };
  await startGate();
  resources.defer(() => gate.stop(true));
  const hostNow = () => `localhost:${gate.port}`;
  const baseNow = () => `https://${hostNow()}`;
  return {
    get host() {
      return hostNow();
    },
    ca: files.ca,
    key,
    data,
    restartGate: async () => {
      await gate.stop(true);
      await startGate();
    },
    build: async (app, repository = app) => {
      const password = (await mintBuildCredential(key, { repository: app, ttlSeconds: 60 })).reveal();
      return await RegistryBuild.begin({ base: baseNow(), ca: files.ca, password }, repository);
    },
    puller: async (namespace) => new RegistryUser(baseNow(), files.ca, (await mintPullCredential(key, { namespace })).reveal()),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

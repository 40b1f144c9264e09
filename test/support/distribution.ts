import { join } from "node:path";
import { KEY_FILE, newSigningKey } from "#shared/registry/signing-key";
import type { Secret } from "#shared/secret";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { makeTokenKey } from "../../agent/registry/token-key.ts";
import registry from "../../manifests/registry.yaml" with { type: "text" };
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { freePort } from "./free-port.ts";

export interface GateFiles {
  folder: string;
  /** PEM of the CA that signed the gate's certificate. */
  ca: string;
  key: Secret;
  renew: () => Promise<void>;
}

/** What the cluster mounts into the registry's Pod, in a folder: tls/, keys/, token-key/. `renew` issues another leaf. */
export async function writeGateFiles(folder: string): Promise<GateFiles> {
  const authority = await newAuthority();
  const key = await newSigningKey();
  const renew = async () => {
    const leaf = await newLeaf(authority, { names: ["localhost", "127.0.0.1"] });
    await Bun.write(join(folder, "tls", "tls.crt"), leaf.certificate);
    await Bun.write(join(folder, "tls", "tls.key"), leaf.key.reveal());
  };
  await Bun.write(join(folder, "keys", KEY_FILE.signs), key.reveal());
  await makeTokenKey(join(folder, "token-key"));
  await renew();
  return { folder, ca: authority.certificate, key, renew };
}

/** The cluster's own distribution on a free port, with the configuration that install applies. Ends with its scope. */
export async function startDistribution(folder: string): Promise<AsyncDisposable & { url: string }> {
  const binary = Bun.which("registry", { PATH: `${layoutOf(process.env).bin}:${process.env.PATH}` });
  if (!binary) throw new Error("there is no `registry` binary here; `scripts/cluster/up` builds it");
  const url = `http://127.0.0.1:${freePort()}`;
  await Bun.write(join(folder, "config.yml"), installedConfig());
  const server = Bun.spawn([binary, "serve", join(folder, "config.yml")], {
    env: {
      OTEL_TRACES_EXPORTER: "none",
      REGISTRY_HTTP_ADDR: new URL(url).host,
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, "data"),
      REGISTRY_AUTH_TOKEN_JWKS: join(folder, "token-key", "jwks.json"),
    },
    stdout: "ignore",
    stderr: Bun.file(join(folder, "distribution.log")),
  });
  await untilItAnswers(url, server);
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
    },
  };
}

function installedConfig(): string {
  const objects = Bun.YAML.parse(String(registry)) as { metadata: { name: string }; data?: Record<string, string> }[];
  return objects.find((object) => object.metadata.name === "davit-registry-config")?.data?.["config.yml"] ?? "";
}

async function untilItAnswers(url: string, server: Bun.Subprocess): Promise<void> {
  while (server.exitCode === null) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await Bun.sleep(10);
  }
  throw new Error(`distribution ended with ${server.exitCode}`);
}

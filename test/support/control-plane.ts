import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Kube } from "#shared/kube/client";
import type { V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { freePorts } from "./free-port.ts";
import { temporaryFolder } from "./temporary.ts";

export interface ControlPlane extends AsyncDisposable {
  /** A cluster administrator. */
  admin: Kube;
  /** Somebody without any rights but those that a test binds to the user `nobody`. */
  nobody: Kube;
  /** The administrator's. */
  kubeconfig: string;
  server: string;
}

/**
 * A Kubernetes of its own without nodes: etcd, API server and controller manager of scripts/cluster on free ports. What a
 * kubelet would report of Pods is written by {@link pretendKubelet}.
 */
export async function startControlPlane(): Promise<ControlPlane> {
  const resources = new AsyncDisposableStack();
  try {
    const folder = resources.use(await temporaryFolder()).path;
    const [client = 0, peer = 0, api = 0, controllers = 0] = freePorts(4);
    await writeFiles(folder, api);
    const etcd = `http://127.0.0.1:${client}`;
    const start = (name: string, flags: string[]) => resources.use(run(folder, name, flags));
    start("etcd", [
      `--data-dir=${folder}/etcd`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      "--unsafe-no-fsync",
      "--log-level=error",
    ]);
    start("kube-apiserver", apiserverFlags(folder, etcd, api));
    const plane = {
      admin: kubeFor(api, "admin"),
      nobody: kubeFor(api, "nobody"),
      kubeconfig: join(folder, "kubeconfig"),
      server: `https://127.0.0.1:${api}`,
    };
    await untilReady(plane.admin);
    start("kube-controller-manager", [
      `--kubeconfig=${folder}/kubeconfig`,
      `--service-account-private-key-file=${folder}/sa.key`,
      `--secure-port=${controllers}`,
      `--cert-dir=${folder}/controllers`,
      "--bind-address=127.0.0.1",
      "--leader-elect=false",
      "--allocate-node-cidrs=false",
      "--flex-volume-plugin-dir=/nonexistent",
    ]);
    return { ...plane, [Symbol.asyncDispose]: () => resources.disposeAsync() };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

/** Says of every Pod in the namespace that it runs and is ready, until `signal` aborts. */
export async function pretendKubelet(kube: Kube, namespace: string, signal: AbortSignal): Promise<void> {
  for await (const event of watch<V1Pod>(kube, { apiVersion: "v1", kind: "Pod", namespace }, { signal })) {
    if (event.type !== "set" || event.object.status?.phase === "Running" || event.object.metadata?.deletionTimestamp) continue;
    const conditions = ["Ready", "ContainersReady", "Initialized"].map((type) => ({ type, status: "True" }));
    const containerStatuses = (event.object.spec?.containers ?? []).map(({ name, image }) => ({
      name,
      image,
      imageID: "",
      ready: true,
      restartCount: 0,
      state: { running: {} },
    }));
    const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace, name: event.object.metadata?.name }, "status");
    const body = { status: { phase: "Running", conditions, containerStatuses } };
    await (await kube.fetch(path, { method: "PATCH", contentType: "application/merge-patch+json", body })).body?.cancel();
  }
}

function apiserverFlags(folder: string, etcd: string, port: number): string[] {
  return [
    `--etcd-servers=${etcd}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${folder}/api`,
    `--token-auth-file=${folder}/tokens.csv`,
    "--authorization-mode=RBAC",
    "--service-cluster-ip-range=198.19.192.0/20",
    "--endpoint-reconciler-type=none",
    "--service-account-issuer=https://davit.test",
    `--service-account-key-file=${folder}/sa.key`,
    `--service-account-signing-key-file=${folder}/sa.key`,
  ];
}

async function writeFiles(folder: string, port: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, "tokens.csv"), 'admin-token,admin,1,"system:masters"\nnobody-token,nobody,2\n');
  const { privateKey } = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
  await Bun.write(join(folder, "sa.key"), `-----BEGIN PRIVATE KEY-----\n${base64.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE KEY-----\n`);
  const cluster = { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true };
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "x", cluster }],
    users: [{ name: "x", user: { token: "admin-token" } }],
    contexts: [{ name: "x", context: { cluster: "x", user: "x" } }],
    "current-context": "x",
  };
  await Bun.write(join(folder, "kubeconfig"), JSON.stringify(kubeconfig));
}

function run(folder: string, name: string, flags: string[]): AsyncDisposable {
  const binary = Bun.which(name, { PATH: layoutOf(process.env).bin });
  if (!binary) throw new Error(`there is no \`${name}\` here; \`scripts/cluster/up\` builds it`);
  const child = Bun.spawn([binary, ...flags], { env: {}, stdout: "ignore", stderr: Bun.file(join(folder, `${name}.log`)) });
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

function kubeFor(port: number, user: string): Kube {
  const headers = async () => ({ authorization: `Bearer ${user}-token` });
  return new Kube({ server: `https://127.0.0.1:${port}`, tls: { rejectUnauthorized: false }, headers });
}

async function untilReady(kube: Kube): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  for (;;) {
    const answer = await kube.fetch("/readyz", { signal }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    signal.throwIfAborted();
    await Bun.sleep(50);
  }
}

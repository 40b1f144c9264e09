import { join } from "node:path";
import { lines } from "#shared/lines";
import { temporaryFolder } from "#test/temporary";

/** A way to the cluster on which nobody finds cert-manager. */
export interface WithoutCertManager extends AsyncDisposable {
  /** What a davit that goes this way has in its environment. */
  env: { KUBECONFIG: string };
}

/** `kubectl proxy` refuses to lead there, and leads everywhere else. */
export async function withoutCertManager(): Promise<WithoutCertManager> {
  const child = Bun.spawn(["kubectl", "proxy", "--port=0", "--reject-paths=^/apis/cert-manager"], {
    env: process.env,
    stdout: "pipe",
    stderr: "ignore",
  });
  const folder = await temporaryFolder();
  const [, server] = /(127\.0\.0\.1:\d+)/.exec((await lines(child.stdout).next()).value ?? "") ?? [];
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "proxy",
    contexts: [{ name: "proxy", context: { cluster: "proxy", user: "proxy" } }],
    clusters: [{ name: "proxy", cluster: { server: `http://${server}`, "insecure-skip-tls-verify": true } }],
    users: [{ name: "proxy", user: {} }],
  };
  const env = { KUBECONFIG: join(folder.path, "kubeconfig") };
  await Bun.write(env.KUBECONFIG, JSON.stringify(kubeconfig));
  const stop = async () => {
    child.kill();
    await Promise.all([child.exited, folder[Symbol.asyncDispose]()]);
  };
  return { env, [Symbol.asyncDispose]: stop };
}

import { lines } from "#shared/lines";

/** A port of this machine that leads to a Pod through the API server: a way that no NetworkPolicy has to allow. */
export interface Forwarded extends AsyncDisposable {
  port: number;
}

/** @param target as kubectl takes it, such as `service/s3` */
export async function forwarded(namespace: string, target: string, port: number): Promise<Forwarded> {
  const child = Bun.spawn(["kubectl", "-n", namespace, "port-forward", target, `:${port}`], { env: process.env, stdout: "pipe", stderr: "pipe" });
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  const said = lines(child.stdout);
  const [, local] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec((await said.next()).value ?? "") ?? [];
  if (local) {
    // It says a line for each connection, and waits when nobody reads.
    void Array.fromAsync(said);
    return { port: Number(local), [Symbol.asyncDispose]: stop };
  }
  await stop();
  throw new Error(`kubectl port-forward ${target}: ${await new Response(child.stderr).text()}`);
}

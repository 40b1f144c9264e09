import { join } from "node:path";
import { run } from "../../scripts/cluster/exec.ts";
import { readFacts } from "../../scripts/cluster/facts.ts";
import { layoutOf } from "../../scripts/cluster/layout.ts";
import { clusterOf } from "../../scripts/cluster/register.ts";

const ROOT = join(import.meta.dir, "..", "..");

/** A cluster beside the one of the other tests. Until it is disposed of, this process and what it starts mean that one. If it ran before, it goes on. */
export interface OwnCluster extends AsyncDisposable {
  /** This machine, as Pods and nodes reach it. */
  host: string;
  /** Where its nodes have whom they trust. */
  certsDir: string;
  /** Puts davit into it, with these flags beside those of the lab. */
  install(...flags: string[]): Promise<void>;
}

/** @param env what its scripts are to find in their environment besides */
export async function ownCluster(name: string, env: Record<string, string | undefined> = {}): Promise<OwnCluster> {
  const before = { ...process.env };
  const own = { ...before, ...env, DAVIT_CLUSTER: name };
  const ran = (await readFacts(clusterOf(own))) !== undefined;
  await run([join(ROOT, "scripts/cluster/up")], { env: own });
  const exported = await run(["bash", "-c", `eval "$(scripts/cluster/env)"; printf '%s\\n' "$KUBECONFIG" "$DAVIT_DOMAIN"`], { env: own, cwd: ROOT });
  const [KUBECONFIG = "", DAVIT_DOMAIN = ""] = exported.split("\n");
  Object.assign(process.env, { DAVIT_CLUSTER: name, KUBECONFIG, DAVIT_DOMAIN });
  const { net } = clusterOf(process.env);
  return {
    host: net.host,
    certsDir: join(layoutOf(process.env).state, "certs.d"),
    install: async (...flags) =>
      void (await run(["bash", "-c", '. scripts/bootstrap && . scripts/lab && davit_lab "" "$@"', "lab", ...flags], {
        env: { ...process.env, ...env },
        cwd: ROOT,
      })),
    [Symbol.asyncDispose]: async () => {
      if (!ran) await run([join(ROOT, "scripts/cluster/down")], { env: own });
      for (const key of ["DAVIT_CLUSTER", "KUBECONFIG", "DAVIT_DOMAIN"]) {
        if (before[key] === undefined) delete process.env[key];
        else process.env[key] = before[key];
      }
    },
  };
}

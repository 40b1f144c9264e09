import { kubectl } from "#test/lab";

/** A part of davit that is away until `back` is called, or the test ends. */
export interface Outage extends AsyncDisposable {
  back(): Promise<void>;
}

/** Takes the registry or the store away as a failed node would: no Pod, and nobody behind its Service. */
export async function takeAway(part: "registry" | "s3"): Promise<Outage> {
  const scale = (replicas: number) => kubectl("-n", "davit", "scale", `deployment/${part}`, `--replicas=${replicas}`);
  await scale(0);
  const pods = ["pod", "-l", `app.kubernetes.io/component=${part}`];
  // Not 0: then the Pod's object goes at once, and its processes live on for their usual time.
  await kubectl("-n", "davit", "delete", ...pods, "--grace-period=1", "--timeout=60s");
  const back = async () => {
    await scale(1);
    await kubectl("-n", "davit", "rollout", "status", `deployment/${part}`, "--timeout=120s");
  };
  return { back, [Symbol.asyncDispose]: back };
}

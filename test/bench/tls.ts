import { join } from "node:path";
import { davit, folder } from "#test/lab";
import { ownCluster } from "#test/own-cluster";
import { type BenchApp, makeApp, pushLive, VOLUME_MS } from "./app.ts";
import type { Bench } from "./bench.ts";
import { type Figure, phaseFigures, summarize } from "./figures.ts";
import { serversInClear } from "./in-clear.ts";

/** Pushes to each of the two in a repetition: single ones differ by more than what is looked for. */
const PAIRS = 8;
const SETTLE_MS = 1500;
const NAMESPACE = "bench-tls";

type Env = { KUBECONFIG: string };

/** An app in one of the clusters. */
interface Place {
  env: Env;
  namespace: string;
  app: BenchApp;
}

/** Milliseconds of a push, in all and by phase. */
interface Timed {
  total: number;
  phases: Record<string, number>;
}

/**
 * What TLS and tokens add to a push: re-pushes of one changed file to the built-in store and registry, and by turns to
 * another cluster whose davit has the same two servers, in Pods too, in clear, open to all and without the registry's gate.
 * The way from the CLI is the same.
 */
export async function tls(bench: Bench): Promise<Figure[]> {
  const secured: Place = {
    env: { KUBECONFIG: process.env.KUBECONFIG ?? "" },
    namespace: (await bench.tenant("tls")).name,
    app: makeApp(join(bench.scratch, "tls")),
  };
  bench.say("tls: setting up a cluster with store and registry in clear");
  await using cluster = await ownCluster("plain", { XDG_CACHE_HOME: bench.cacheHome });
  const servers = await serversInClear();
  using key = folder({ key: "test\ntest-secret\n" });
  await cluster.install(
    ...["--s3-endpoint", servers.s3, "--s3-bucket", "davit", "--path-style", "--s3-access-key-file", join(key.path, "key")],
    ...["--registry", servers.registry],
  );
  const plain: Place = { env: { KUBECONFIG: process.env.KUBECONFIG ?? "" }, namespace: NAMESPACE, app: makeApp(join(bench.scratch, "plain")) };
  await davit(["namespace", "create", NAMESPACE]);
  for (const place of [secured, plain]) await bench.attempt("first push", () => timed(place));
  await Bun.sleep(VOLUME_MS);
  for (const place of [secured, plain]) await bench.attempt("warm-up", () => timed(place));

  const both = { secured: [] as Timed[], plain: [] as Timed[] };
  const totals = (name: keyof typeof both) => both[name].map(({ total }) => total);
  await bench.repeat(
    "pushes over TLS and in clear",
    async () => {
      for (let pair = 0; pair < PAIRS; pair++) {
        // Each is the first as often as the other.
        for (const name of pair % 2 === 0 ? (["secured", "plain"] as const) : (["plain", "secured"] as const)) {
          both[name].push(await timed(name === "secured" ? secured : plain));
          await Bun.sleep(SETTLE_MS);
        }
      }
    },
    () => `medians ${Math.round(summarize(totals("secured")).median)} ms and ${Math.round(summarize(totals("plain")).median)} ms`,
  );
  return [
    { name: "push with TLS and tokens", unit: "ms", values: totals("secured") },
    ...phaseFigures("with TLS", both.secured),
    { name: "push in clear", unit: "ms", values: totals("plain") },
    ...phaseFigures("in clear", both.plain),
    {
      name: "what TLS and tokens cost",
      unit: "x",
      values: [summarize(totals("secured")).median / summarize(totals("plain")).median],
      target: 1.05,
      note: `median of ${both.secured.length} re-pushes each, by turns: built-in store and registry, against the same servers in Pods, in clear and without the gate`,
    },
  ];
}

async function timed({ env, namespace, app }: Place): Promise<Timed> {
  app.change();
  const began = performance.now();
  const { result } = await pushLive(app.path, "tls", namespace, "live", { env });
  return { total: performance.now() - began, phases: result.phases };
}

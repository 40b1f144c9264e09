import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { BINARY, kube } from "#test/lab";
import { type App, DAVIT_API, type Revision } from "../../agent/objects/types.ts";
import type { Bench } from "./bench.ts";
import { run } from "./commands.ts";
import type { Figure } from "./figures.ts";

const APPS = 500;
/** As many as davit keeps of an app. */
const REVISIONS = 10;
const AT_ONCE = 20;
const LABEL = "davit.dev/app";
const IMAGE = `registry.davit.svc.cluster.local:5000/bench/app@sha256:${"0".repeat(64)}`;

/** Lists of many apps, of which each has its Deployment and ten revisions, and of which none runs. */
export async function list(bench: Bench): Promise<Figure[]> {
  const space = await bench.tenant("list");
  const api = await kube();
  bench.say(`list: making ${APPS} apps`);
  try {
    await inTurns(APPS, (number) => makeApp(api, space.name, `listed-${number}`));
    const note = `${APPS} apps with ${REVISIONS} revisions each in one namespace; from the process's start to its end`;
    const figures: Figure[] = [];
    for (const [what, args] of [
      [`davit app list, ${APPS} apps`, ["-n", space.name]],
      [`davit app list --all, ${APPS} apps`, ["--all"]],
    ] as const) {
      await run([BINARY, "app", "list", ...args]);
      const values = await bench.repeat(
        what,
        async () => {
          const { stdout, ms } = await run([BINARY, "app", "list", ...args]);
          const shown = stdout.split("\n").filter((line) => line.includes("listed-")).length;
          if (shown !== APPS) throw new Error(`${shown} apps were listed, not ${APPS}`);
          return ms;
        },
        (ms) => `${ms.toFixed(0)} ms`,
      );
      figures.push({ name: what, unit: "ms", values, target: 500, note });
    }
    return figures;
  } finally {
    // Faster than app by app, as `davit namespace delete` does it.
    await removeAll(api, space.name);
  }
}

async function makeApp(api: Kube, namespace: string, name: string): Promise<void> {
  const labels = { [LABEL]: name };
  const settings = { routes: [`${name}.bench.test`], instances: 0, stopped: false, port: 8080, configurations: [] };
  const app = await api.apply<App>({ apiVersion: DAVIT_API, kind: "App", metadata: { name, namespace, labels }, spec: settings });
  const status = { revision: REVISIONS, image: IMAGE, url: `http://${name}.bench.test` };
  await api.apply({ apiVersion: DAVIT_API, kind: "App", metadata: { name, namespace }, status } as KubeObject, { subresource: "status" });
  const owner = { apiVersion: DAVIT_API, kind: "App", name, uid: app.metadata.uid ?? "" };
  for (let number = 1; number <= REVISIONS; number++) await makeRevision(api, namespace, { name, number, settings, owner });
  const container = { name: "app", image: IMAGE };
  await api.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels, ownerReferences: [owner] },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  } as KubeObject);
}

interface NewRevision {
  name: string;
  number: number;
  settings: App["spec"];
  owner: { apiVersion: string; kind: string; name: string; uid: string };
}

async function makeRevision(api: Kube, namespace: string, { name, number, settings, owner }: NewRevision): Promise<void> {
  const metadata = { name: `${name}-${number}`, namespace, labels: { [LABEL]: name }, ownerReferences: [owner] };
  const spec: Revision["spec"] = {
    app: name,
    number,
    source: { kind: "tree", tree: "0".repeat(64) },
    pods: number,
    settings,
    envSecret: `${name}-${number}-env`,
    buildArgs: {},
    rebuild: false,
    createdBy: "bench",
    timeoutSeconds: 60,
  };
  await api.apply<Revision>({ apiVersion: DAVIT_API, kind: "Revision", metadata, spec });
  // Without an outcome the agent would run it.
  const status = { phase: "live", outcome: "live", image: IMAGE, phases: { stage: 1200, deploy: 900 } };
  await api.apply({ apiVersion: DAVIT_API, kind: "Revision", metadata: { name: metadata.name, namespace }, status } as KubeObject, {
    subresource: "status",
  });
}

async function removeAll(api: Kube, namespace: string): Promise<void> {
  for (const [apiVersion, kind] of [
    ["apps/v1", "Deployment"],
    [DAVIT_API, "Revision"],
    [DAVIT_API, "App"],
  ] as const)
    await api.remove({ apiVersion, kind, namespace }, { labels: LABEL });
}

async function inTurns(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(++next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

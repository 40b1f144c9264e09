import { Fault } from "#shared/fault";
import type { V1Ingress, V1Pod } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { sha256 } from "#shared/pack";
import type { Config } from "../config.ts";
import { LABEL, podSelector } from "../objects/meta.ts";
import { splitRoute } from "../objects/workload.ts";
import { deadline, type Run } from "../run.ts";

/** How long the URL may take to answer once all Pods are ready. */
const ANSWER_MS = 30_000;
/** How long an ingress controller may take to say where it can be reached; some never say. */
const ADDRESS_MS = 5_000;
const RETRY_MS = 30;
/** When old and new cannot be told apart by what they answer, ingresses get this long to stop asking the old Pods. */
const SETTLE_MS = 500;

/** What came back: enough to see whether two answers are the same. */
interface Answer {
  status: number;
  print: string;
}

/** The URL that people open for a route. */
export function urlOf(config: Pick<Config, "domain" | "scheme">, route: string): string {
  const { host, path } = splitRoute(route);
  return `${config.scheme}://${host}${config.domain.port ? `:${config.domain.port}` : ""}${path === "/" ? "" : path}`;
}

/**
 * Asks the first route through the ingress until the new revision answers there. What the new revision answers is
 * known by asking its Pod; as long as the ingress gives something else, it still asks old Pods, or does not know the
 * route yet.
 * @throws Fault url_unanswered
 */
export async function answer(run: Run): Promise<string | null> {
  const { routes, instances, port } = run.revision.spec.settings;
  const route = routes[0];
  if (route === undefined) return null;
  const url = urlOf(run.config, route);
  if (instances === 0) return url;
  let last = "nothing answered";
  const limit = deadline(
    run.signal,
    ANSWER_MS,
    () => new Fault("url_unanswered", `${url} does not answer as the app does: ${last}`, { details: { url } }),
  );
  try {
    const { host, path } = splitRoute(route);
    const address = await ingressAddress(run, limit.signal);
    const pods = await podAddresses(run);
    const ask = (base: string) => request(`${base}${path}`, host, limit.signal);
    const fresh = () => ask(`http://${pods.fresh}:${port}`);
    const expected = await untilAnswered(fresh, limit.signal, (reason) => {
      last = `the app's Pod ${reason}`;
    });
    const telling = await isTelling(
      expected,
      fresh,
      pods.old.map((old) => () => ask(`http://${old}:${port}`)),
    );
    if (!telling && pods.old.length > 0) await Bun.sleep(SETTLE_MS);
    // An ingress that still knows old Pods asks them in turn with the new ones: one right answer says nothing yet.
    const needed = telling && pods.old.length > 0 ? 2 * (pods.old.length + instances) : 1;
    for (let right = 0; right < needed; ) {
      const got = await ask(`http://${address}`).catch((error) => String(error));
      if (isRight(got, expected, telling)) {
        right += 1;
        continue;
      }
      right = 0;
      last = typeof got === "string" ? got : `status ${got.status}, the app's Pod itself gives ${expected.status}`;
      limit.signal.throwIfAborted();
      await Bun.sleep(RETRY_MS);
    }
    return url;
  } finally {
    limit.clear();
  }
}

function isRight(got: Answer | string, expected: Answer, telling: boolean): boolean {
  return typeof got !== "string" && got.status === expected.status && (!telling || got.print === expected.print);
}

/** Whether the new revision's answer is always the same, and no old Pod, where there are any, gives it too. */
async function isTelling(expected: Answer, fresh: () => Promise<Answer>, old: readonly (() => Promise<Answer>)[]): Promise<boolean> {
  const others = await Promise.all([fresh(), ...old.map((ask) => ask())].map((asked) => asked.catch(() => undefined)));
  const [again, ...olds] = others;
  return again?.print === expected.print && olds.every((other) => other === undefined || other.print !== expected.print);
}

async function untilAnswered(ask: () => Promise<Answer>, signal: AbortSignal, onFailure: (reason: string) => void): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      onFailure(`does not speak HTTP (${error instanceof Error ? error.message : error})`);
      await Bun.sleep(RETRY_MS);
    }
  }
}

async function request(url: string, host: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(url, {
    headers: { host },
    redirect: "manual",
    keepalive: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
  });
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, print: `${response.status} ${response.headers.get("location") ?? ""} ${sha256(body)}` };
}

async function ingressAddress(run: Run, signal: AbortSignal): Promise<string> {
  const { name, namespace } = run.app.metadata;
  const route = run.revision.spec.settings.routes[0] ?? "";
  const limit = deadline(signal, ADDRESS_MS, () => new Fault("url_unanswered", "the ingress has no address"));
  try {
    return await waitFor<V1Ingress, string>(
      run.kube,
      { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace, name },
      (object) => {
        const first = object?.status?.loadBalancer?.ingress?.[0];
        return first?.ip ?? first?.hostname ?? undefined;
      },
      limit.signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Fault) || error.code !== "url_unanswered") throw error;
    return splitRoute(route).host;
  } finally {
    limit.clear();
  }
}

async function podAddresses(run: Run): Promise<{ fresh: string; old: string[] }> {
  const { name, namespace } = run.app.metadata;
  const pods = await run.kube.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace }, { labels: `${LABEL.app}=${name}`, signal: run.signal });
  const number = String(run.revision.spec.number);
  const addresses = (mine: boolean) =>
    pods
      .filter((pod) => (pod.metadata?.labels?.[LABEL.revision] === number) === mine && pod.status?.podIP && pod.status.phase === "Running")
      .map((pod) => pod.status?.podIP ?? "");
  const [fresh] = addresses(true);
  if (!fresh) throw new Fault("url_unanswered", `no Pod of ${podSelector(name, run.revision.spec.number)} runs any more`);
  return { fresh, old: addresses(false) };
}

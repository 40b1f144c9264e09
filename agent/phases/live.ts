import { Fault } from "#shared/fault";
import type { V1Pod } from "#shared/kube/objects";
import { pause } from "#shared/within";
import { LABEL, podSelector } from "../objects/meta.ts";
import { splitRoute } from "../objects/route.ts";
import { replicasOf } from "../objects/workload.ts";
import { deadline, type Run } from "../run.ts";
import { type Answer, ask, askSecurely, type Question } from "./ask.ts";
import { secure } from "./secure.ts";

/** How long the URL may take to answer once all Pods are ready. */
const ANSWER_MS = 30_000;
const RETRY_MS = 30;
/** When old and new cannot be told apart by what they answer, ingresses get this long to stop asking the old Pods. */
const SETTLE_MS = 500;

/**
 * Asks the first route through the ingress until the new revision answers there. What the new revision answers is
 * known by asking its Pod; as long as the ingress gives something else, it still asks old Pods, or does not know the
 * route yet.
 * @throws Fault url_unanswered
 */
export async function answer(run: Run): Promise<string | null> {
  const { routes, port } = run.revision.spec.settings;
  const instances = replicasOf(run.revision.spec.settings);
  const route = routes[0];
  if (route === undefined) return null;
  const { name, namespace } = run.app.metadata;
  await secure(run);
  const url = run.certificates.urlOf(namespace, name, route);
  if (instances === 0) return url;
  let last = "nothing answered";
  const reason = () => new Fault("url_unanswered", `${url} does not answer as the app does: ${last}`, { details: { url } });
  const limit = deadline(run.signal, ANSWER_MS, reason);
  const trying: Trying = { signal: limit.signal, onFailure: (failure) => (last = failure) };
  try {
    const { host, path } = splitRoute(route);
    const address = (await run.routing.address(run.app, limit.signal)) ?? host;
    const pods = await podAddresses(run);
    const question = (base: string): Question => ({ url: `${base}${path}`, host, signal: limit.signal });
    const pod = (ip: string) => () => ask(question(`http://${ip}:${port}`));
    const old = pods.old.map(pod);
    const wanted = await judgeOf(pod(pods.fresh), old, trying);
    if (!wanted.telling && old.length > 0) await pause(SETTLE_MS, limit.signal);
    // An ingress that still knows old Pods asks them in turn with the new ones: one right answer says nothing yet.
    const ingress = () => {
      // It may be made anew meanwhile.
      const fingerprint = run.certificates.fingerprint(namespace, name, host);
      return fingerprint ? askSecurely(question(`https://${address}`), fingerprint) : ask(question(`http://${address}`));
    };
    await untilRight(ingress, wanted, wanted.telling && old.length > 0 ? 2 * (old.length + instances) : 1, trying);
    return url;
  } catch (error) {
    throw await withRefusal(run, route, error);
  } finally {
    limit.clear();
  }
}

interface Trying {
  signal: AbortSignal;
  onFailure: (failure: string) => void;
}
type Ask = () => Promise<Answer>;

/** What the new revision answers; `telling` when it is always the same, and no old Pod, where there are any, gives it too. */
interface Wanted {
  answer: Answer;
  telling: boolean;
}

async function judgeOf(fresh: Ask, old: readonly Ask[], trying: Trying): Promise<Wanted> {
  const answer = await untilAnswered(fresh, trying);
  const [again, ...olds] = await Promise.all([fresh, ...old].map((ask) => ask().catch(() => undefined)));
  return { answer, telling: again?.print === answer.print && olds.every((other) => other === undefined || other.print !== answer.print) };
}

async function untilAnswered(ask: Ask, { signal, onFailure }: Trying): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      onFailure(`the app's Pod does not speak HTTP (${error instanceof Error ? error.message : error})`);
      await pause(RETRY_MS, signal);
    }
  }
}

/** Asks until so many answers in a row were the wanted one. */
async function untilRight(ask: Ask, wanted: Wanted, times: number, { signal, onFailure }: Trying): Promise<void> {
  for (let right = 0; right < times; ) {
    const got = await ask().catch((error) => String(error));
    if (isRight(got, wanted)) {
      right += 1;
      continue;
    }
    right = 0;
    onFailure(typeof got === "string" ? got : `status ${got.status}, the app's Pod itself gives ${wanted.answer.status}`);
    signal.throwIfAborted();
    await pause(RETRY_MS, signal);
  }
}

function isRight(got: Answer | string, { answer, telling }: Wanted): boolean {
  return typeof got !== "string" && got.status === answer.status && (!telling || got.print === answer.print);
}

/** Where whoever serves the route says what is wrong with it, that is why nothing answers. */
async function withRefusal({ app, routing }: Run, route: string, error: unknown): Promise<unknown> {
  if (!(error instanceof Fault) || error.code !== "url_unanswered") return error;
  const refusal = (await routing.refusals(app)).get(splitRoute(route).host);
  return refusal === undefined ? error : new Fault(error.code, `${error.message}; ${refusal}`, { cause: error, details: error.details });
}

async function podAddresses(run: Run): Promise<{ fresh: string; old: string[] }> {
  const { name, namespace } = run.app.metadata;
  const pods = await run.kube.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace }, { labels: `${LABEL.app}=${name}`, signal: run.signal });
  const number = String(run.revision.spec.pods);
  const addresses = (mine: boolean) =>
    pods
      .filter((pod) => (pod.metadata?.labels?.[LABEL.revision] === number) === mine && pod.status?.podIP && pod.status.phase === "Running")
      .map((pod) => pod.status?.podIP ?? "");
  const [fresh] = addresses(true);
  if (!fresh) throw new Fault("url_unanswered", `no Pod of ${podSelector(name, run.revision.spec.pods)} runs any more`);
  return { fresh, old: addresses(false) };
}

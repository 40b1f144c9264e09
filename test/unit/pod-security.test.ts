import { afterAll, beforeAll, expect, test } from "bun:test";
import { manifest } from "#cli/install/manifests";
import type { V1Namespace } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { type ControlPlane, startControlPlane } from "#test/control-plane";
import { type PodTemplate, podTemplates } from "#test/pod-templates";

/* What the API server itself, in a dry run, says of every Pod that davit makes under each level of Pod Security. */

const LEVELS = ["privileged", "baseline", "restricted"] as const;
type Level = (typeof LEVELS)[number];
const ENFORCE = "pod-security.kubernetes.io/enforce";

const templates = podTemplates();
let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
  for (const name of LEVELS) {
    await plane.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { [ENFORCE]: name } } });
    // Without it no Pod is taken.
    const account = { apiVersion: "v1", kind: "ServiceAccount", namespace: name, name: "default" };
    await waitFor(plane.admin, account, (object) => (object ? true : undefined), AbortSignal.timeout(30_000));
  }
}, 90_000);
afterAll(() => plane?.[Symbol.asyncDispose]());

/** What the API server has against the Pod in a namespace of this level; undefined when it takes it. */
async function refusal({ spec, labels }: PodTemplate, level: Level): Promise<string | undefined> {
  const { serviceAccountName: _, ...rest } = spec;
  const body = { apiVersion: "v1", kind: "Pod", metadata: { name: "x", labels }, spec: rest };
  const answer = await plane.admin.fetch(`/api/v1/namespaces/${level}/pods`, { method: "POST", query: { dryRun: "All" }, body });
  const { message } = (await answer.json()) as { message?: string };
  if (!answer.ok && answer.status !== 403) throw new Error(`the Pod is no good at all: ${message}`);
  return answer.ok ? undefined : message;
}

async function strictest(template: PodTemplate): Promise<Level | undefined> {
  for (const level of [...LEVELS].reverse()) if (!(await refusal(template, level))) return level;
  return undefined;
}

test("each Pod can be under this level and no stricter one", async () => {
  const found = await Promise.all(templates.map(async (template) => [template.name, await strictest(template)]));
  expect(Object.fromEntries(found)).toEqual({
    "davit/agent": "restricted",
    "davit/s3": "restricted",
    "davit/registry": "restricted",
    "davit/errand": "restricted",
    "davit/puller": "restricted",
    // A Dockerfile's RUN steps are root's in their container.
    "davit-staging/build": "baseline",
    "davit-staging/first-build": "baseline",
    "davit-staging/fetch": "restricted",
    "davit-staging/probe": "restricted",
    // It writes to a folder of its node.
    "davit-node/node-trust": "privileged",
    // Many images start as root.
    "apps/app": "baseline",
    "apps/confined-app": "restricted",
  });
});

test("davit's namespaces enforce the strictest level that all of their Pods can be under", async () => {
  const namespaces = manifest("namespaces") as V1Namespace[];
  const own = templates.map(({ namespace }) => namespace).filter((name) => name !== "apps");
  for (const name of new Set(own)) {
    const levels = await Promise.all(templates.filter(({ namespace }) => namespace === name).map(strictest));
    const loosest = LEVELS.find((level) => levels.includes(level));
    expect([name, namespaces.find(({ metadata }) => metadata?.name === name)?.metadata?.labels?.[ENFORCE]]).toEqual([name, loosest]);
  }
});

test("why a Pod is refused is said by the API server in the words that a failed push is told by", async () => {
  const app = templates.find(({ name }) => name === "apps/app");
  expect(app && (await refusal(app, "restricted"))).toContain("violates PodSecurity");
});

test.each(templates.flatMap(({ name, spec }) => spec.containers.map((container) => [name, container.name, container] as const)))(
  "%s: the container %s asks for what it needs and has a limit of memory",
  (_, __, { resources }) => {
    expect(Object.keys(resources?.requests ?? {}).sort()).toEqual(["cpu", "memory"]);
    // None of CPU: what waits for a build or a request would wait longer while the node idles.
    expect(Object.keys(resources?.limits ?? {})).toEqual(["memory"]);
  },
);

test.each(templates.map((template) => [template.name, template] as const))(
  "%s has a token for the API server only if it asks it something",
  (name, { spec }) => {
    expect(spec.automountServiceAccountToken).toBe(name === "davit/agent");
  },
);

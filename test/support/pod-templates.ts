import { fetchJob } from "#agent/objects/fetch";
import { stagingJob } from "#agent/objects/staging";
import type { App, AppSettings, Revision } from "#agent/objects/types";
import { deployment } from "#agent/objects/workload";
import { programSpec, pullerSpec } from "#cli/doctor/jobs";
import { errandPod } from "#cli/install/errand";
import { type InstallOptions, PUBLISHED_IMAGES } from "#cli/install/options";
import { foundation, workloads } from "#cli/install/plan";
import type { CertificatePlan } from "#shared/certificates";
import type { KubeObject, V1Deployment, V1NetworkPolicy, V1Pod, V1PodSpec } from "#shared/kube/objects";

/** A Pod that davit makes, before it runs. */
export interface PodTemplate {
  /** `davit/s3`: what it is for, by namespace and component. */
  name: string;
  namespace: string;
  labels: Record<string, string>;
  spec: V1PodSpec;
}

const TENANT = "apps";
const OPTIONS: InstallOptions = {
  domain: "apps.example.com",
  ingressClass: "",
  storageClass: "",
  images: PUBLISHED_IMAGES,
  keepRevisions: 10,
  mirrors: [],
  certsDirs: [],
  podCidrs: [],
  nodeTrust: "daemonset",
};
const CERTIFICATES: CertificatePlan = { inside: "cert-manager", outside: { by: "davit-ca" } };
const FACTS = {
  addresses: { builtIn: "10.96.0.7", external: "" },
  registryForNodes: "",
  certsDirs: ["/etc/containerd/certs.d"],
  certificates: CERTIFICATES,
  routesLeft: false,
  startedWith: { agent: "", s3: "", registry: "", "node-trust": "" },
};

/** Every kind of Pod that davit makes, from the objects that the product itself builds. */
export function podTemplates(): PodTemplate[] {
  const installed = workloads(OPTIONS, FACTS).filter(({ kind }) => kind === "Deployment" || kind === "DaemonSet");
  const images = { agentImage: OPTIONS.images.agent, kanikoImage: OPTIONS.images.kaniko, storageClass: "" };
  const app = { namespace: TENANT, app: "shop" };
  const jobs = [
    ["davit-staging/build", stagingJob({ ...app, ...images }, "build", "volume")],
    ["davit-staging/first-build", stagingJob({ ...app, ...images }, "first-build", "scratch")],
    ["davit-staging/fetch", fetchJob({ ...app, ...images, revision: 1 }, "fetch")],
  ] as const;
  const probe = programSpec({ name: "probe", program: "probe", image: OPTIONS.images.agent });
  const puller = pullerSpec("registry.example.com/probe", "node", "pull");
  return [
    ...installed.map((object) => templateOf(`${object.metadata?.namespace}/${object.metadata?.labels?.["app.kubernetes.io/component"]}`, object)),
    ...jobs.map(([name, job]) => templateOf(name, job)),
    podOf("davit/errand", errandPod({ name: "errand", program: "errand", image: OPTIONS.images.agent })),
    podOf("davit-staging/probe", { metadata: { namespace: "davit-staging", labels: { "app.kubernetes.io/component": "staging" } }, spec: probe }),
    podOf("davit/puller", { metadata: { namespace: "davit", labels: { "app.kubernetes.io/component": "puller" } }, spec: puller }),
    templateOf("apps/app", appDeployment(false)),
    templateOf("apps/confined-app", appDeployment(true)),
  ];
}

/** The network's rules as they are installed in a cluster whose Pods have these addresses. */
export function installedPolicies(podCidrs: string[]): V1NetworkPolicy[] {
  return foundation(OPTIONS, podCidrs, CERTIFICATES).filter(({ kind }) => kind === "NetworkPolicy") as V1NetworkPolicy[];
}

function appDeployment(confined: boolean): V1Deployment {
  const settings: AppSettings = { routes: [], instances: 1, stopped: false, port: 8080, configurations: ["mail"] };
  const app = { apiVersion: "davit.dev/v1alpha1", kind: "App", metadata: { name: "shop", namespace: TENANT, uid: "1" }, spec: settings } as App;
  const revision = { spec: { app: "shop", number: 1, pods: 1, settings, envSecret: "shop-1-env" } } as Revision;
  return deployment(app, revision, `registry.example.com/shop@sha256:${"0".repeat(64)}`, { confined });
}

function templateOf(name: string, object: KubeObject): PodTemplate {
  const { metadata, spec } = (object as V1Deployment).spec?.template ?? {};
  return podOf(name, {
    metadata: { ...metadata, ...(object.metadata?.namespace ? { namespace: object.metadata.namespace } : {}) },
    ...(spec ? { spec } : {}),
  });
}

function podOf(name: string, { metadata, spec }: V1Pod): PodTemplate {
  if (!spec) throw new Error(`${name} has no Pods`);
  return { name, namespace: metadata?.namespace ?? "", labels: metadata?.labels ?? {}, spec };
}

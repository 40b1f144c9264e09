import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap, V1Pod } from "#shared/kube/objects";
import { type ProbeOrderText, ProbeReport } from "#shared/probe";
import { REGISTRY_HOST, S3_HOST } from "../install/components.ts";
import type { ExternalS3 } from "../install/external.ts";
import type { InstallOptions } from "../install/options.ts";
import { s3Place } from "../install/places.ts";
import { proxyTo } from "../install/proxy.ts";
import { Jobs, programSpec, pullerSpec } from "./jobs.ts";
import { presigned } from "./presigned.ts";
import { REPOSITORY, type RegistryAccess, registryAccess } from "./registry-access.ts";

type S3PlaceText = Awaited<ReturnType<typeof s3Place>>;

/** The built-in store, in the words for any other. */
const BUILT_IN_S3: ExternalS3 = {
  endpoint: `https://${S3_HOST}:7070`,
  bucket: "davit",
  region: "us-east-1",
  pathStyle: true,
  ca: "",
  secret: "davit-s3",
};
const BUILT_IN_REGISTRY = { host: `${REGISTRY_HOST}:5000`, name: `${REGISTRY_HOST}:5000` };
const TRUST = { apiVersion: "v1", kind: "ConfigMap", name: "davit-trust" };

/** Tries the ways that only Pods and nodes can go, each at most once. What it started is gone when it is disposed of. */
export class Probes implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #options: InstallOptions;
  readonly #signal: AbortSignal;
  readonly #jobs: Jobs;
  /** Tells two runs apart. */
  readonly #run = crypto.randomUUID().slice(0, 8);
  readonly s3: ExternalS3;
  readonly registry: { host: string; name: string };
  #store: Promise<ProbeReport> | undefined;
  #image: Promise<ProbeReport> | undefined;
  #access: Promise<RegistryAccess> | undefined;

  constructor(kube: Kube, options: InstallOptions, signal: AbortSignal) {
    this.#kube = kube;
    this.#options = options;
    this.#signal = signal;
    this.#jobs = new Jobs(kube);
    const { s3, registry } = options;
    this.s3 = s3 ?? BUILT_IN_S3;
    this.registry = registry ? { host: registry.host, name: [registry.host, registry.prefix].filter(Boolean).join("/") } : BUILT_IN_REGISTRY;
  }

  /** The agent's way to the S3 store, with its key. */
  store(): Promise<ProbeReport> {
    this.#store ??= this.#probeStore();
    return this.#store;
  }

  /** A build's way to the registry; an image is there afterwards. */
  image(): Promise<ProbeReport> {
    this.#image ??= this.#probeRegistry();
    return this.#image;
  }

  /** A build's way to the S3 store, without a key. */
  async links(): Promise<ProbeReport> {
    const [ca, place] = await Promise.all([this.#trusted("davit-staging", "s3.crt"), this.#s3Place()]);
    const urls = this.s3.secret ? { urls: presigned(place, this.#run) } : {};
    return await this.#probe("davit-staging", "staging", { hop: "build-s3", endpoint: place.endpoint, ...urls, ca, proxy: place.proxy });
  }

  /**
   * How kubelet's pull of the image on a node goes: undefined when it is there, else what kubelet says.
   * @param digest of what {@link image} pushed
   */
  async pull(node: string, digest: string): Promise<string | undefined> {
    const { nodeName, pullConfig } = await this.#registryAccess();
    const job = { name: `davit-doctor-pull-${node.replaceAll(".", "-").slice(0, 30)}-${this.#run}`, namespace: "davit" };
    const spec = pullerSpec(`${nodeName}/${REPOSITORY}@${digest}`, node, job.name);
    const secret = { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": Buffer.from(pullConfig.reveal()).toString("base64") } };
    await this.#jobs.start({ ...job, component: "puller", spec, secret }, this.#signal);
    return (await this.#jobs.waitForPod(job, pulled, this.#signal)).complaint;
  }

  async #probeStore(): Promise<ProbeReport> {
    const [ca, place] = await Promise.all([this.#trusted("davit", "s3.crt"), this.#s3Place()]);
    return await this.#probe("davit", "errand", { hop: "agent-s3", place: { ...place, ca } });
  }

  async #s3Place(): Promise<S3PlaceText> {
    if (this.s3.secret) return await s3Place(this.#kube, this.s3);
    return { ...this.s3, ...(await proxyTo(this.#kube, this.s3.endpoint)), credentials: "environment" };
  }

  async #probeRegistry(): Promise<ProbeReport> {
    const [ca, { place, remover }] = await Promise.all([this.#trusted("davit-staging", "registry.crt"), this.#registryAccess()]);
    const order = { hop: "build-registry" as const, place: { ...place, ca }, remover, repository: REPOSITORY, run: this.#run };
    return await this.#probe("davit-staging", "staging", order);
  }

  #registryAccess(): Promise<RegistryAccess> {
    this.#access ??= registryAccess(this.#kube, this.#options);
    return this.#access;
  }

  async #probe(namespace: string, component: "errand" | "staging", order: ProbeOrderText): Promise<ProbeReport> {
    const job = { name: `davit-doctor-${order.hop}-${this.#run}`, namespace };
    const spec = programSpec({ name: job.name.replace(/^davit-/, ""), program: "probe", image: this.#options.images.agent });
    // What a role allows, only a Pod that has it can find out.
    if (order.hop === "agent-s3" && order.place.credentials === "environment") spec.serviceAccountName = "davit-agent";
    const secret = { type: "Opaque", data: { "order.json": Buffer.from(JSON.stringify(order)).toString("base64") } };
    await this.#jobs.start({ ...job, component, spec, secret }, this.#signal);
    return ProbeReport.parse(JSON.parse(await this.#jobs.firstLine(job, this.#signal)));
  }

  /** Whom Pods of the namespace trust. */
  async #trusted(namespace: string, file: "s3.crt" | "registry.crt"): Promise<string> {
    return (await this.#kube.get<V1ConfigMap>({ ...TRUST, namespace }, this.#signal))?.data?.[file] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs[Symbol.asyncDispose]();
  }
}

/** What kubelet came to, once it has come to something. It starts nothing before it has the image. */
function pulled({ status }: V1Pod): { complaint: string | undefined } | undefined {
  const container = status?.containerStatuses?.[0];
  const { waiting, terminated } = container?.state ?? {};
  if (waiting?.reason === "ErrImagePull" || waiting?.reason === "ImagePullBackOff") return { complaint: waiting.message ?? waiting.reason };
  if (container?.imageID || terminated || /^(CreateContainer|RunContainer)/.test(waiting?.reason ?? "")) return { complaint: undefined };
  return status?.phase === "Failed" ? { complaint: status.message ?? status.reason ?? "the Pod failed" } : undefined;
}

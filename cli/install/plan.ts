import { createHash } from "node:crypto";
import { type CertificatePlan, publicRegistry } from "#shared/certificates";
import { GATEWAY_GROUP, type HttpRoute } from "#shared/gateway";
import type { KubeObject, V1DaemonSet, V1Deployment, V1Ingress, V1Namespace, V1NetworkPolicy, V1PersistentVolumeClaim } from "#shared/kube/objects";
import { VERSION } from "#shared/version";
import { type ComponentName, componentsOf, externalRegistryOf, MANAGED_LABEL, PUBLIC_REGISTRY_INGRESS, REGISTRY } from "./components.ts";
import { optionsObject } from "./installed.ts";
import { manifest } from "./manifests.ts";
import { secondWayOf } from "./node-trust.ts";
import { agentHost, hostOf, type Images, type InstallOptions } from "./options.ts";
import { withoutPods } from "./pod-cidrs.ts";

/** Of the gate's container, in manifests/registry.yaml. */
const PULLS_PORT = "5001";
const BUILD_POLICY = "davit-staging";

type Workload = V1Deployment | V1DaemonSet;

/** What the second half of an installation needs from the first: it exists only once the cluster has been asked. */
export interface Facts {
  addresses: RegistryAddresses;
  /** What nodes call the registry; empty: as everybody does. */
  registryForNodes: string;
  certsDirs: string[];
  certificates: CertificatePlan;
  /** HTTPRoutes are there from before there was no Gateway any more. */
  routesLeft: boolean;
  /** Contents that Pods read only at their start, by component: a change of them starts the Pods anew. */
  startedWith: Record<ComponentName, string>;
}

/** Where nodes find registries: the ClusterIP of the built-in one's Service, the host of an external one; empty where there is none. */
export interface RegistryAddresses {
  builtIn: string;
  external: string;
}

/** First: what does not depend on anything that is made. Namespaces, kinds, rights, the network's rules, Services. */
export function foundation(options: InstallOptions, podCidrs: readonly string[], { inside }: CertificatePlan, routesLeft = false): KubeObject[] {
  const services = componentManifests(options).filter((object) => object.kind === "Service");
  const namespaces = manifest("namespaces").filter((object) => !isTenant(object));
  const forCertManager = inside === "cert-manager" ? manifest("certManager") : [];
  const rights = options.gateway || routesLeft ? manifest("rbac") : manifest("rbac").map(withoutGateways);
  return [...namespaces, ...manifest("crds"), ...rights, ...networkPolicies(podCidrs), ...forCertManager, ...grants(options), ...services].map(
    labelled,
  );
}

/** Rights that nobody has a use for without a Gateway. */
function withoutGateways(object: KubeObject): KubeObject {
  const { rules } = object as { rules?: { apiGroups: string[] }[] };
  return rules ? ({ ...object, rules: rules.filter(({ apiGroups }) => !apiGroups.includes(GATEWAY_GROUP)) } as KubeObject) : object;
}

function grants({ gateway }: InstallOptions): KubeObject[] {
  if (!gateway) return [];
  const granted = manifest("gateway").filter(({ kind }) => kind === "ReferenceGrant") as (KubeObject & { spec: { from: object[] } })[];
  return granted.map(({ spec, ...object }) => ({
    ...object,
    spec: { ...spec, from: spec.from.map((one) => ({ ...one, namespace: gateway.namespace })) },
  }));
}

/** Builds are the ones that no Pod has anything to do with. */
function networkPolicies(podCidrs: readonly string[]): KubeObject[] {
  const policies = manifest("networkPolicies") as V1NetworkPolicy[];
  return policies.map((policy) => (policy.metadata?.name === BUILD_POLICY ? withoutPods(policy, podCidrs) : policy));
}

const MANIFEST_OF = { s3: "s3", registry: "registry", "node-trust": "nodeTrust", agent: "agent" } as const;

function componentManifests(options: InstallOptions): KubeObject[] {
  const secondWay = secondWayOf(options);
  const components = componentsOf(options).flatMap((name) => manifest(MANIFEST_OF[name]));
  const others = options.gateway ? components.filter(({ kind }) => kind !== "Ingress") : components;
  const routes = options.gateway ? manifest("gateway").filter(({ kind }) => kind === "HTTPRoute") : [];
  return [...others, ...routes, ...(secondWay ? manifest(secondWay) : [])];
}

/** Then: what runs. The Secrets and ConfigMaps that it mounts are made in between (made.ts). */
export function workloads(options: InstallOptions, facts: Facts): KubeObject[] {
  const filledIn = componentManifests(options)
    .filter((object) => object.kind !== "Service")
    .map((object) => filled(object, options, facts));
  return [optionsObject(options), ...filledIn].map(labelled);
}

/** The first namespace for apps. It is made at the first installation only, and never taken over. */
export function firstTenant(): KubeObject[] {
  return manifest("namespaces").filter(isTenant).map(labelled);
}

function isTenant(object: KubeObject): boolean {
  return (object as V1Namespace).metadata?.labels?.[MANAGED_LABEL] === "true";
}

/** davit's labels, on the object and on the Pods it makes. */
export function labelled<T extends KubeObject>(object: T): T {
  const copy = structuredClone(object) as T & Workload;
  const own = { "app.kubernetes.io/name": "davit", "app.kubernetes.io/managed-by": "davit", "app.kubernetes.io/version": versionLabel() };
  copy.metadata = { ...copy.metadata, labels: { ...copy.metadata?.labels, ...own } };
  if (isWorkload(copy)) {
    const { template } = copy.spec ?? {};
    if (template) template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, ...own } };
  }
  return copy;
}

/** A label's value has at most 63 characters and no `+`. */
function versionLabel(): string {
  return VERSION.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 63);
}

/** The fixed set of substitutions: images, variables, classes, the ingress host and the nodes' folders. */
function filled(object: KubeObject, options: InstallOptions, facts: Facts): KubeObject {
  const copy = structuredClone(object);
  if (copy.kind === "PersistentVolumeClaim") fillClaim(copy as V1PersistentVolumeClaim, options.storageClass);
  if (copy.kind === "Ingress") fillIngress(copy as V1Ingress, options);
  if (copy.kind === "HTTPRoute") fillHttpRoute(copy as HttpRoute, options);
  if (isWorkload(copy)) {
    fillImages(copy, options.images);
    fillEnv(copy, environment(options, facts));
    fillRestart(copy, facts.startedWith);
    fillLogins(copy, options);
  }
  if (copy.kind === "DaemonSet") fillCertsDirs(copy as V1DaemonSet, facts.certsDirs);
  return copy;
}

function isWorkload(object: KubeObject): object is Workload {
  return object.kind === "Deployment" || object.kind === "DaemonSet";
}

function environment(options: InstallOptions, facts: Facts): Record<string, string> {
  return {
    DAVIT_DOMAIN: options.domain,
    DAVIT_CERTIFICATES: JSON.stringify(facts.certificates),
    DAVIT_INGRESS_CLASS: options.ingressClass,
    DAVIT_GATEWAY: options.gateway ? `${options.gateway.namespace}/${options.gateway.name}` : "",
    DAVIT_HTTP_ROUTES_LEFT: String(facts.routesLeft),
    DAVIT_STORAGE_CLASS: options.storageClass,
    DAVIT_AGENT_IMAGE: options.images.agent,
    DAVIT_KANIKO_IMAGE: options.images.kaniko,
    DAVIT_KEEP_REVISIONS: String(options.keepRevisions),
    DAVIT_REGISTRY_MIRRORS: options.mirrors.join(","),
    DAVIT_REGISTRY_ADDRESS: options.registry ? facts.addresses.external : facts.addresses.builtIn,
    DAVIT_REGISTRY_FOR_NODES: facts.registryForNodes,
    DAVIT_GATE_PULLS_PORT: secondWayOf(options) ? PULLS_PORT : "",
    DAVIT_CERTS_DIRS: facts.certsDirs.join(":"),
    ...s3Environment(options),
    ...registryEnvironment(options),
    ...formerEnvironment(options, facts.addresses),
  };
}

function s3Environment({ s3 }: InstallOptions): Record<string, string> {
  if (!s3) return {};
  return {
    DAVIT_S3_ENDPOINT: s3.endpoint,
    DAVIT_S3_BUCKET: s3.bucket,
    DAVIT_S3_REGION: s3.region,
    DAVIT_S3_PATH_STYLE: String(s3.pathStyle),
    DAVIT_S3_CREDENTIALS: s3.secret ? "secret" : "environment",
  };
}

function registryEnvironment({ registry }: InstallOptions): Record<string, string> {
  if (!registry) return {};
  return {
    DAVIT_REGISTRY: registry.host,
    DAVIT_REGISTRY_KIND: "external",
    DAVIT_REGISTRY_PREFIX: registry.prefix,
    DAVIT_REGISTRY_PLAIN_HTTP: String(registry.plainHttp),
  };
}

/** Of the registry before the last migration, for who pulls from it still. */
function formerEnvironment({ formerRegistry }: InstallOptions, addresses: RegistryAddresses): Record<string, string> {
  if (!formerRegistry) return {};
  if (formerRegistry === "built-in") return { DAVIT_FORMER_REGISTRY: REGISTRY, DAVIT_FORMER_ADDRESS: addresses.builtIn };
  const { host, plainHttp } = formerRegistry;
  return { DAVIT_FORMER_REGISTRY: host, DAVIT_FORMER_ADDRESS: addresses.external, DAVIT_FORMER_PLAIN_HTTP: String(plainHttp) };
}

/** The Secrets with the logins of external places, under the names that they have here. */
function fillLogins(workload: Workload, options: InstallOptions): void {
  const names: Record<string, string | undefined> = { s3: options.s3?.secret, "registry-login": externalRegistryOf(options)?.secret };
  for (const volume of workload.spec?.template.spec?.volumes ?? []) {
    const secretName = names[volume.name];
    if (volume.secret && secretName) volume.secret.secretName = secretName;
  }
}

function fillClaim(claim: V1PersistentVolumeClaim, storageClass: string): void {
  if (storageClass && claim.spec) claim.spec.storageClassName = storageClass;
}

function fillIngress(ingress: V1Ingress, options: InstallOptions): void {
  if (!ingress.spec) return;
  const host = ingress.metadata?.name === PUBLIC_REGISTRY_INGRESS.name ? publicRegistry(hostOf(options.domain)) : agentHost(options.domain);
  if (options.ingressClass) ingress.spec.ingressClassName = options.ingressClass;
  for (const tls of ingress.spec.tls ?? []) tls.hosts = [host];
  for (const rule of ingress.spec.rules ?? []) rule.host = host;
}

function fillHttpRoute(route: HttpRoute, { gateway, domain }: InstallOptions): void {
  if (gateway) route.spec = { ...route.spec, parentRefs: [gateway], hostnames: [agentHost(domain)] };
}

function fillImages(workload: Workload, images: Images): void {
  const byPlaceholder: Record<string, string> = { "davit/agent": images.agent, "davit/s3": images.s3, "davit/registry": images.registry };
  const { containers = [], initContainers = [] } = workload.spec?.template.spec ?? {};
  for (const container of [...initContainers, ...containers]) {
    const image = byPlaceholder[container.image ?? ""];
    if (!image) throw new Error(`manifests name the image ${container.image}, which nobody fills in`);
    container.image = image;
  }
}

function fillEnv(workload: Workload, values: Record<string, string>): void {
  for (const container of workload.spec?.template.spec?.containers ?? []) {
    for (const entry of container.env ?? []) {
      const value = values[entry.name];
      if (value !== undefined && !entry.valueFrom) entry.value = value;
    }
  }
}

function fillRestart(workload: Workload, startedWith: Facts["startedWith"]): void {
  const template = workload.spec?.template;
  const content = startedWith[template?.metadata?.labels?.["app.kubernetes.io/component"] as keyof typeof startedWith];
  if (!template || content === undefined) return;
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 16);
  template.metadata = { ...template.metadata, annotations: { ...template.metadata?.annotations, "davit.dev/started-with": digest } };
}

/** Each folder is mounted at its own path, so that what the container says about a path is true on the node. */
function fillCertsDirs(daemonSet: V1DaemonSet, folders: string[]): void {
  const pod = daemonSet.spec?.template.spec;
  const container = pod?.containers[0];
  if (!pod || !container) return;
  folders.forEach((path, index) => {
    const name = `certs-${index}`;
    pod.volumes = [...(pod.volumes ?? []), { name, hostPath: { path, type: "DirectoryOrCreate" } }];
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, mountPath: path }];
  });
}

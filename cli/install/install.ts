import { type CertificatePlan, hasWildcard, publicRegistry } from "#shared/certificates";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1Service } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { type Applied, applyAll, type Change } from "./apply.ts";
import { type Authorities, forgetNext } from "./authority.ts";
import { certificatePlan, issuers, issuersReady, lookForIssuers, retireIssuers } from "./certificates.ts";
import { certsDirsOf, type NodeFacts } from "./certs-dirs.ts";
import { componentRef, componentsOf, externalRegistryOf, hasBuiltInRegistry, NODEPORT_SERVICE, REGISTRY_SERVICE } from "./components.ts";
import { suggestDomain } from "./domain.ts";
import { gatewayProblems, gatewayReady, lookForGateway } from "./gateway.ts";
import { installedOptions } from "./installed.ts";
import { issuerProblems } from "./issuer-problems.ts";
import { madeKinds, makeSecrets } from "./made.ts";
import { nodePortHost } from "./node-trust.ts";
import { needNodesTold } from "./nodes-told.ts";
import { type InstalledOptions, type InstallFlags, type InstallOptions, resolveOptions } from "./options.ts";
import { checkStays, type Given, tryPlaces } from "./places.ts";
import { firstTenant, foundation, type RegistryAddresses, workloads } from "./plan.ts";
import { podCidrsOf } from "./pod-cidrs.ts";
import { type Problem, preflight } from "./preflight.ts";
import { publicRegistryProblems } from "./public-registry.ts";
import { refreshFiles } from "./refresh-files.ts";
import { reissue } from "./reissue.ts";
import { retireLeftovers, retireNodeTrust } from "./retire.ts";
import { underItsAuthority } from "./succession.ts";
import { takeOver } from "./take-over.ts";
import { type ComponentState, waitReady } from "./wait.ts";

/** What an installation tells while it goes on, in order. */
export type InstallEvent =
  | { type: "checked" }
  | ({ type: "applied" } & Applied)
  | ({ type: "waiting" } & ComponentState)
  | { type: "note"; line: string };

/** How many objects came to what. */
export type Changes = Record<Change, number>;

/** What is to be installed, known before anything is changed. */
export interface Prepared {
  options: InstallOptions;
  certsDirs: string[];
  certificates: CertificatePlan;
  /** What is in the way, as far as it is known already. */
  problems: Problem[];
  /** Empty where it is not known. */
  podCidrs: string[];
  /** HTTPRoutes are there from before there was no Gateway any more. */
  routesLeft: boolean;
  /** No installation is there yet. */
  isFirst: boolean;
  /** What it was made with until now. */
  installed: InstalledOptions;
  given: Given;
}

/**
 * Settles what to install: the flags, what is installed, and what the nodes tell.
 * @throws Fault usage when no domain is known, with a suggestion
 */
export async function prepare(
  kube: Kube,
  flags: InstallFlags,
  { askDomain, given = {} }: { askDomain?: ((suggestion: string | undefined) => Promise<string>) | undefined; given?: Given } = {},
): Promise<Prepared> {
  // What is wrong by itself is told before the cluster is asked.
  resolveOptions({ ...flags, s3: {}, registry: {}, issuer: {} }, {});
  const [agent, installed, nodes] = await Promise.all([
    kube.get(componentRef("agent")),
    installedOptions(kube),
    kube.list<NodeFacts>({ apiVersion: "v1", kind: "Node" }),
  ]);
  let options = resolveOptions(flags, installed);
  if (!options.domain) options = resolveOptions({ ...flags, domain: await needDomain(kube, askDomain) }, installed);
  return await settle(kube, { options, nodes, given, installed, isFirst: agent === undefined });
}

/** An installation that is there, brought to other options than those it has. */
export async function prepareChange(kube: Kube, options: InstallOptions): Promise<Prepared> {
  const nodes = await kube.list<NodeFacts>({ apiVersion: "v1", kind: "Node" });
  return await settle(kube, { options, nodes, given: {}, installed: options, isFirst: false });
}

type Known = Pick<Prepared, "options" | "given" | "installed" | "isFirst"> & { nodes: NodeFacts[] };

async function settle(kube: Kube, { nodes, ...known }: Known): Promise<Prepared> {
  const { options, given } = known;
  const certs = componentsOf(options).includes("node-trust") ? certsDirsOf(nodes, options.certsDirs) : { folders: [], problems: [] };
  const [facts, { gateway, routesLeft }] = await Promise.all([lookForIssuers(kube, options.issuer), lookForGateway(kube, options.gateway)]);
  const certificates = certificatePlan(options, facts);
  return {
    ...known,
    certsDirs: certs.folders,
    certificates,
    routesLeft,
    problems: [
      ...certs.problems.map((problem) => ({ check: "nodes" as const, ...problem })),
      ...issuerProblems(options, facts, given),
      ...gatewayProblems(options, gateway, hasWildcard(certificates)),
      ...(await publicRegistryProblems(kube, options)),
    ],
    podCidrs: podCidrsOf(nodes, options.podCidrs),
    // The agent knows one Secret with what was brought, so another is copied there.
    given: { ...given, certificate: given.certificate ?? facts.certificate },
  };
}

async function needDomain(kube: Kube, askDomain?: (suggestion: string | undefined) => Promise<string>): Promise<string> {
  const suggestion = await suggestDomain(kube);
  const answer = askDomain ? (await askDomain(suggestion)) || suggestion : undefined;
  if (answer) return answer;
  const proposal = suggestion ? `; without a DNS name of your own, --domain ${suggestion} works` : "";
  throw new Fault("usage", `--domain is needed: apps get the URL NAME.DOMAIN, and *.DOMAIN has to lead to the cluster's ingress${proposal}`);
}

/**
 * Installs, or brings an installation to what is wanted; doing it twice is doing it once.
 * @throws Fault preflight_failed, forbidden, kube_refused, deadline
 */
export async function install(
  kube: Kube,
  prepared: Prepared,
  { signal, tell }: { signal: AbortSignal; tell: (event: InstallEvent) => void },
): Promise<Changes> {
  const changes: Changes = { created: 0, changed: 0, unchanged: 0 };
  const apply = async (objects: KubeObject[]) => {
    for await (const applied of applyAll(kube, objects, signal)) {
      changes[applied.change]++;
      tell({ type: "applied", ...applied });
    }
  };
  await preflight(kube, prepared.options, [...preview(prepared), ...madeKinds()], prepared.problems);
  if (!prepared.isFirst) checkStays(prepared.installed, prepared.options);
  await tryPlaces(kube, prepared, signal);
  tell({ type: "checked" });

  const { options } = prepared;
  const work = { apply, signal, tell };
  const say = (line: string) => tell({ type: "note", line });
  await apply(foundationOf(prepared));
  if (prepared.isFirst) await offerTenant(kube, tell, changes);
  await establish(kube, prepared, work, () => needNodesTold(options, "`davit rotate ca --nodes-ready`, and this command again"));
  await forgetNext(kube);
  await retireLeftovers(kube);
  // What builds trust comes to Pods that wait since before.
  if (options.trustCa !== prepared.installed.trustCa) await refreshFiles(kube, "staging", "davit-staging");
  await retireIssuers(kube, issuers(options, prepared.certificates), prepared.certificates);
  await retireNodeTrust(kube, options, { signal, tell: say });
  await takeOver(kube, prepared, { signal, tell: say });
  if (prepared.routesLeft) {
    const rest = { ...prepared, routesLeft: false };
    await establish(kube, rest, work);
    // Last: until it was started anew, the agent used the rights that go here.
    await apply(foundationOf(rest));
  }
  return changes;
}

function foundationOf({ options, podCidrs, certificates, routesLeft }: Prepared): KubeObject[] {
  return foundation(options, podCidrs, certificates, routesLeft);
}

interface Work {
  apply: (objects: KubeObject[]) => Promise<void>;
  signal: AbortSignal;
  tell: (event: InstallEvent) => void;
}

/** Has everything run as it should, under the CA that it is to have; `mayFollow` is asked before that is another one than now. */
export async function establish(kube: Kube, prepared: Prepared, work: Work, mayFollow?: () => void): Promise<Authorities> {
  const { options, given } = prepared;
  const { signal, tell } = work;
  return await underItsAuthority(kube, {
    choice: options.issuer,
    given: given.ca,
    bringUp: async (authorities) => {
      await bring(kube, prepared, authorities, work);
      await waitReady(kube, componentsOf(options), { signal, onChange: (state) => tell({ type: "waiting", ...state }) });
    },
    mayFollow,
    signal,
    tell: (line) => tell({ type: "note", line }),
  });
}

/** Secrets, issuers, and then what runs with them. */
async function bring(
  kube: Kube,
  { options, given, certificates, certsDirs, podCidrs, routesLeft }: Prepared,
  authorities: Authorities,
  { apply, signal }: Work,
): Promise<void> {
  const addresses = await registryAddresses(kube, options, signal);
  const made = await makeSecrets(kube, options, given, { registryAddress: addresses.builtIn, authorities, podCidrs });
  await apply(made.objects);
  const ownIssuers = issuers(options, certificates);
  await apply(ownIssuers);
  await issuersReady(kube, ownIssuers, signal);
  if (certificates.inside === "cert-manager") await reissue(kube, made.ca);
  await gatewayReady(kube, options, signal);
  const registryForNodes = await registryForNodesOf(kube, options, signal);
  await apply(workloads(options, { addresses, registryForNodes, certsDirs, certificates, routesLeft, startedWith: made.startedWith }));
}

/** All that install applies but Secrets and what is made with them, as far as it can be told before. */
export function preview(prepared: Prepared): KubeObject[] {
  const { options, certsDirs, certificates, routesLeft } = prepared;
  const registryForNodes = options.nodeTrust === "insecure-nodeport" ? UNKNOWN_NODEPORT : publicName(options);
  const startedWith = { agent: "", s3: "", registry: "", "node-trust": "" };
  const addresses = { builtIn: UNKNOWN_ADDRESS, external: externalAddress(options) };
  const facts = { addresses, registryForNodes, certsDirs, certificates, routesLeft, startedWith };
  return [...foundationOf(prepared), ...issuers(options, certificates), ...workloads(options, facts), ...(prepared.isFirst ? firstTenant() : [])];
}

/** Stands in a dry run for the port that the cluster gives. */
const UNKNOWN_NODEPORT = "127.0.0.1:<port of the Service davit/registry-nodeport>";
/** Stands in a dry run for the address that the cluster gives the registry's Service. */
const UNKNOWN_ADDRESS = "<ClusterIP of the Service davit/registry>";

/** Those of the registries that there are; the built-in one's Service has to be made. */
export async function registryAddresses(kube: Kube, options: InstallOptions, signal: AbortSignal): Promise<RegistryAddresses> {
  const clusterIP = (service: V1Service | undefined) => service?.spec?.clusterIP || undefined;
  const builtIn = hasBuiltInRegistry(options) ? await waitFor<V1Service, string>(kube, REGISTRY_SERVICE, clusterIP, signal) : "";
  return { builtIn, external: externalAddress(options) };
}

function externalAddress(options: InstallOptions): string {
  const external = externalRegistryOf(options);
  return external ? new URL(`https://${external.host}`).hostname.replace(/^\[|\]$/g, "") : "";
}

async function registryForNodesOf(kube: Kube, options: InstallOptions, signal: AbortSignal): Promise<string> {
  if (options.nodeTrust !== "insecure-nodeport") return publicName(options);
  return waitFor<V1Service, string>(kube, NODEPORT_SERVICE, nodePortHost, signal);
}

function publicName({ nodeTrust, domain }: InstallOptions): string {
  return nodeTrust === "public" ? publicRegistry(domain) : "";
}

/** A namespace of that name which is there already is somebody's, and is left alone. */
async function offerTenant(kube: Kube, tell: (event: InstallEvent) => void, changes: Changes): Promise<void> {
  for (const namespace of firstTenant()) {
    if (!(await kube.create(namespace))) continue;
    changes.created++;
    tell({ type: "applied", object: namespace, change: "created", index: 1, total: 1 });
  }
}

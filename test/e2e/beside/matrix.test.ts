import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { REGISTRY } from "#cli/install/components";
import { installedOptions } from "#cli/install/installed";
import type { V1Deployment, V1Secret } from "#shared/kube/objects";
import { factsOf, pemOf } from "#shared/tls/certificate";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { clusterIssuer, haveCertManager } from "#test/cert-manager";
import { type ExternalRegistry, startExternalRegistry } from "#test/external";
import { installAgain } from "#test/installed-with";
import { appFiles, davit, type Folder, folder, kube, push, server, type TestTenant, tenant } from "#test/lab";
import { onLab, labTest as test } from "#test/lab-test";
import { AGENT, CELLS, EXTERNAL, type IssuerName, MANUAL, NODEPORT, type PlaceName, PUBLIC } from "#test/matrix";
import { ingressOnNodes, trustIngress } from "#test/nodes";
import { type OwnCluster, ownCluster } from "#test/own-cluster";
import { ACME_DIRECTORY, pebble } from "#test/pebble";
import { untilServed, untilTrusted } from "#test/served";
import { startVersity } from "#test/versity";

/*
 * The matrix of docs/tls.md: one installation and one app go through each pair of an issuer and a place of S3 store and
 * registry that no other test has. In all of them the app's host shows a certificate of the issuer, a new build of it goes
 * live, and the node pulls that by the way of the place and no other.
 */

const LOGIN = { user: "davit-ci", password: "writes it" };
const CLUSTER_ISSUER = "davit-test";
const [theirs, forHosts, forAll] = await Promise.all([newAuthority(), newAuthority(), newAuthority()]);

let cluster: OwnCluster;
let certManager = true;
let domain: string;
let registry: ExternalRegistry;
let files: Folder;
let source: Folder;
let space: TestTenant;
const resources = new AsyncDisposableStack();

interface Issuer {
  /** After `--issuer`. */
  flags: () => string[];
  /** PEM: who vouches for the host by which nodes pull, and for those of apps but with `selfsigned`. */
  root: () => Promise<string>;
}

const ISSUERS: Record<IssuerName, Issuer> = {
  [AGENT]: { flags: () => ["private-ca"], root: ownCa },
  selfsigned: { flags: () => ["selfsigned"], root: ownCa },
  acme: {
    flags: () => ["acme", "--acme-server", ACME_DIRECTORY, "--acme-ca", file("acme.crt")],
    root: async () => (await pebble()).root,
  },
  existing: { flags: () => [`existing:ClusterIssuer/${CLUSTER_ISSUER}`], root: async () => theirs.certificate },
  "byo, a certificate": {
    flags: () => ["byo", "--tls-cert", file("tls.crt"), "--tls-key", file("tls.key")],
    root: async () => forHosts.certificate,
  },
  "byo, a CA": { flags: () => ["byo", "--ca-cert", file("ca.crt"), "--ca-key", file("ca.key")], root: async () => forAll.certificate },
};

interface Place {
  /** Of `--node-trust`. */
  mode: string;
  /** What nodes call the registry, and whether they are told of it in certs.d. */
  registry: () => string;
  isTold: boolean;
  /** What an admin does on the node before davit is told. */
  prepare?: (root: string) => Promise<void>;
}

const PLACES: Record<PlaceName, Place> = {
  [EXTERNAL]: { mode: "daemonset", registry: () => registry.place.host, isTold: true },
  [MANUAL]: { mode: "manual", registry: () => REGISTRY, isTold: true, prepare: trustPrinted },
  [NODEPORT]: { mode: "insecure-nodeport", registry: () => "127.0.0.1", isTold: false },
  [PUBLIC]: {
    mode: "public",
    registry: () => `registry.${domain}`,
    isTold: true,
    prepare: (root) => trustIngress(cluster.certsDir, `registry.${domain}`, root),
  },
};

beforeAll(async () => {
  if (!onLab) return;
  cluster = resources.use(await ownCluster("matrix"));
  // Below the usual one: nodes of other clusters find their own ingress by that in the same file.
  domain = `matrix.${process.env["DAVIT_DOMAIN"]}`;
  const s3 = resources.use(await startVersity({ address: cluster.host }));
  registry = resources.use(await startExternalRegistry({ address: cluster.host, login: LOGIN }));
  resources.use(ingressOnNodes(hostBelow("registry")));
  const leaf = await newLeaf(forHosts, { names: [hostBelow("*")] });
  files = resources.use(
    folder({
      "acme.crt": (await pebble()).ca,
      "ca.crt": forAll.certificate,
      "ca.key": forAll.key.reveal(),
      "tls.crt": leaf.certificate,
      "tls.key": leaf.key.reveal(),
      "s3.crt": s3.place.ca,
      "s3.key": "test\ntest-secret\n",
      "registry.crt": registry.place.ca,
      password: LOGIN.password,
    }),
  );
  source = resources.use(folder(appFiles("")));
  resources.defer(() => needCertManager(true));
  await cluster.install(
    ...["--domain", domain, "--s3-endpoint", s3.place.endpoint.origin, "--s3-bucket", "davit", "--path-style"],
    ...["--s3-ca", file("s3.crt"), "--s3-access-key-file", file("s3.key"), "--registry", `${registry.place.host}/team`],
    ...["--registry-ca", file("registry.crt"), "--registry-user", LOGIN.user, "--registry-password-file", file("password")],
  );
  space = resources.use(await tenant("matrix"));
}, 300_000);
afterAll(() => resources.disposeAsync(), 60_000);

const file = (name: string) => join(files.path, name);
const hostBelow = (name: string) => `${name}.${domain.split(":")[0]}`;

/** The one that signs now. */
async function ownCa(): Promise<string> {
  const authority = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: "davit-ca" });
  return atob(authority?.data?.["tls.crt"] ?? "");
}

async function needCertManager(wanted: boolean): Promise<void> {
  if (certManager === wanted) return;
  await haveCertManager(wanted);
  certManager = wanted;
  if (wanted) await clusterIssuer(CLUSTER_ISSUER, theirs);
}

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await davit(args);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

/** What `davit status` says of one of davit's own certificates. */
async function statusOf(certificate: string): Promise<unknown> {
  const { certificates } = JSON.parse(await run("status", "-o", "json")) as { certificates: { of: string }[] };
  return certificates.find(({ of }) => of === certificate);
}

/** Everything built-in, wherever it was. */
async function moveIn(): Promise<void> {
  if ((await installedOptions(await kube())).registry === undefined) return;
  await run("migrate", "s3", "--built-in", "--delete-old");
  await run("migrate", "registry", "--built-in", "--delete-old");
}

async function trustPrinted(): Promise<void> {
  const printed = JSON.parse(await run("doctor", "--print-trust", "-o", "json")) as { files: { path: string; content: string }[] }[];
  await Promise.all(printed.flatMap(({ files }) => files).map(({ path, content }) => Bun.write(path, content)));
}

/** Leaves on the node no way to a registry but this one's. Those that are left. */
function forgetOthers({ registry, isTold }: Place): string[] {
  const known = readdirSync(cluster.certsDir).filter((name) => name !== "docker.io");
  const { kept = [], others = [] } = Object.groupBy(known, (name) => (isTold && name === registry() ? "kept" : "others"));
  for (const name of others) rmSync(join(cluster.certsDir, name), { recursive: true });
  return kept;
}

async function imageOf(name: string): Promise<string> {
  const found = await (await kube()).get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace: space.name, name });
  return found?.spec?.template.spec?.containers[0]?.image ?? "";
}

/** Waits until the host shows a certificate of the issuer. PEM: who vouches for it. */
async function vouched(host: string, issuer: IssuerName, root: string): Promise<string> {
  if (issuer === "selfsigned") return pemOf([await untilServed(host, (shown) => shown.verify(shown.publicKey))]);
  await untilTrusted(host, root);
  return root;
}

test.each(CELLS)(
  "%s: %s",
  async (issuerName, placeName) => {
    const [issuer, place] = [ISSUERS[issuerName], PLACES[placeName]];
    await needCertManager(issuerName !== AGENT);
    if (placeName !== EXTERNAL) await moveIn();
    await place.prepare?.(await issuer.root());
    await installAgain("--node-trust", place.mode, "--issuer", ...issuer.flags());
    const root = await issuer.root();
    if (placeName === PUBLIC) {
      const shown = await untilTrusted(hostBelow("registry"), root);
      expect(await statusOf("registryPublic")).toMatchObject({ issuer: factsOf(shown).issuer });
    }
    expect(forgetOthers(place)).toEqual(place.isTold ? [place.registry()] : []);

    const [name, text] = [space.app("shop"), `${issuerName}: ${placeName}`];
    source.write({ "server.ts": server(text) });
    const { outcome, fault, url } = await push(source.path, ["--name", name, "-n", space.name]);
    expect({ outcome, fault, url }).toEqual({ outcome: "live", fault: undefined, url: `https://${name}.${domain}` });
    const ca = await vouched(hostBelow(name), issuerName, root);
    expect(await (await fetch(url ?? "", { tls: { ca } })).text()).toBe(text);
    expect(await imageOf(name)).toMatch(new RegExp(`^${RegExp.escape(place.registry())}[:/]`));
  },
  180_000,
);

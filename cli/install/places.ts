import type { z } from "zod";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Namespace } from "#shared/kube/objects";
import { CheckReport, type PlaceProblem, type PlaceReason, type RegistryPlace, type S3Place } from "#shared/places";
import { runErrand } from "./errand.ts";
import { type ExternalRegistry, type ExternalS3, REGISTRY_SECRET, S3_SECRET } from "./external.ts";
import type { GivenPairs } from "./issuer-problems.ts";
import { type Data, readSecret } from "./made.ts";
import type { InstalledOptions, InstallOptions } from "./options.ts";
import { proxyTo } from "./proxy.ts";
import { trusting } from "./trust-ca.ts";

/** Secrets' data that was given with this command: logins, and keys with their certificates; what was not given stays as it is in the cluster. */
export interface Given extends GivenPairs {
  s3?: Data | undefined;
  registry?: Data | undefined;
  proxy?: Data | undefined;
}

/** The Secrets that hold the logins that were given. */
export function loginSecrets(given: Given): { name: string; data: Data }[] {
  return [...(given.s3 ? [{ name: S3_SECRET, data: given.s3 }] : []), ...(given.registry ? [{ name: REGISTRY_SECRET, data: given.registry }] : [])];
}

/** @throws Fault preflight_failed when it is another place than the installation's: what lies there has to be moved first */
export function checkStays(installed: InstalledOptions, wanted: InstallOptions): void {
  if (!sameS3(installed.s3, wanted.s3)) throw moves("s3", s3Words(installed.s3), s3Words(wanted.s3));
  if (!sameRegistry(installed.registry, wanted.registry)) throw moves("registry", registryWords(installed.registry), registryWords(wanted.registry));
}

function moves(part: "s3" | "registry", from: string, to: string): Fault {
  const what = part === "s3" ? "sources and logs are" : "images are";
  return new Fault("preflight_failed", `the installation's ${what} in ${from}, not in ${to}; nothing was changed`, {
    details: { next: `move them with \`davit migrate ${part}\` and the same flags; then install again` },
  });
}

export function sameS3(a: ExternalS3 | undefined, b: ExternalS3 | undefined): boolean {
  return a?.endpoint === b?.endpoint && a?.bucket === b?.bucket;
}

export function sameRegistry(a: ExternalRegistry | undefined, b: ExternalRegistry | undefined): boolean {
  return a?.host === b?.host && a?.prefix === b?.prefix;
}

export function s3Words(s3: ExternalS3 | undefined): string {
  return s3 ? `the bucket '${s3.bucket}' of ${s3.endpoint}` : "the built-in S3 store";
}

export function registryWords(registry: ExternalRegistry | undefined): string {
  return registry ? `the registry ${registryName(registry)}` : "the built-in registry";
}

export function registryName({ host, prefix }: ExternalRegistry): string {
  return prefix ? `${host}/${prefix}` : host;
}

/** What is said of places whose traffic anybody on the way can read. */
export function clearWarnings({ s3, registry }: InstallOptions): string[] {
  const warning = (where: string) => `warning: the way to ${where} is not encrypted: anybody on it reads sources and passwords, and can change them`;
  return [
    ...(s3?.endpoint.startsWith("http:") ? [warning(s3.endpoint)] : []),
    ...(registry?.plainHttp ? [warning(`the registry ${registry.host}`)] : []),
  ];
}

/**
 * Tries out, from within the cluster, the external places that are new, or whose login or settings are.
 * @throws Fault preflight_failed with every problem and its fix
 */
export async function tryPlaces(
  kube: Kube,
  { options, installed, given }: { options: InstallOptions; installed: InstalledOptions; given: Given },
  signal: AbortSignal,
): Promise<void> {
  const isNew = (part: "s3" | "registry") => options[part] && (given[part] || !Bun.deepEquals(options[part], installed[part]));
  // What a role allows is known only to a Pod that has it.
  const s3 = isNew("s3") && options.s3?.secret ? await s3Place(kube, trusting(options.s3, options), given.s3, given.proxy) : undefined;
  const registry =
    isNew("registry") && options.registry ? await registryPlace(kube, trusting(options.registry, options), given.registry, given.proxy) : undefined;
  if (!s3 && !registry) return;
  const order = { cluster: await clusterOf(kube), ...(s3 ? { s3 } : {}), ...(registry ? { registry } : {}) };
  const printed = await runErrand(kube, { name: "check", program: "check", image: options.images.agent, order }, signal);
  const { problems } = CheckReport.parse(JSON.parse(printed));
  if (problems.length > 0) throw placesFault(problems, options);
}

/** What tells this cluster from others, whatever is installed in it and how often. */
async function clusterOf(kube: Kube): Promise<string> {
  const system = await kube.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name: "kube-system" });
  return system?.metadata?.uid ?? "";
}

/** The place as shared/places.ts has it in JSON. */
export async function s3Place(
  kube: Kube,
  { endpoint, bucket, region, pathStyle, ca, secret }: ExternalS3,
  given?: Data,
  proxy?: Data,
): Promise<z.input<typeof S3Place>> {
  const { accessKey = "", secretKey = "" } = given ?? (await needLogin(kube, secret, ["accessKey", "secretKey"]));
  return { endpoint, bucket, region, pathStyle, ca, ...(await proxyTo(kube, endpoint, proxy)), credentials: { accessKey, secretKey } };
}

export async function registryPlace(
  kube: Kube,
  { host, prefix, plainHttp, ca, secret }: ExternalRegistry,
  given?: Data,
  proxy?: Data,
): Promise<z.input<typeof RegistryPlace>> {
  const login = given ?? (secret ? await needLogin(kube, secret, ["user", "password"]) : undefined);
  const way = await proxyTo(kube, `${plainHttp ? "http" : "https"}://${host}`, proxy);
  return { host, prefix, plainHttp, ca, ...way, ...(login ? { login: { user: login["user"] ?? "", password: login["password"] ?? "" } } : {}) };
}

async function needLogin(kube: Kube, name: string, keys: readonly string[]): Promise<Data> {
  const data = await readSecret(kube, name);
  const missing = keys.filter((key) => !data?.[key]);
  if (data && missing.length === 0) return data;
  const what = data ? `has no ${missing.join(" and no ")}` : "is not there";
  throw new Fault("preflight_failed", `the Secret davit/${name} ${what}; nothing was changed`, {
    details: { next: `make it: kubectl -n davit create secret generic ${name} ${keys.map((key) => `--from-file=${key}=FILE`).join(" ")}` },
  });
}

/** What mends it, in words for whoever installs. */
export function placeFix({ place, reason }: Pick<PlaceProblem, "place" | "reason">): string {
  return REASONS[reason].fix(FLAGS[place]);
}

function placesFault(problems: readonly PlaceProblem[], options: InstallOptions): Fault {
  const told = problems.map(({ place, reason, detail }) => {
    const where = place === "s3" ? s3Words(options.s3) : registryWords(options.registry);
    return { place, text: `${where} ${REASONS[reason].problem} (${detail})`, fix: placeFix({ place, reason }) };
  });
  const lines = told.map(({ text, fix }) => `- ${text}\n  fix: ${fix}`);
  const details = Object.fromEntries(told.map(({ place, text, fix }) => [place, `${text}; fix: ${fix}`]));
  return new Fault("preflight_failed", `davit cannot work with what it was given; nothing was changed\n${lines.join("\n")}`, { details });
}

interface PlaceFlags {
  place: string;
  login: string;
  ca: string;
}

const FLAGS: Record<PlaceProblem["place"], PlaceFlags> = {
  s3: { place: "--s3-endpoint", login: "--s3-access-key-stdin (the access key, then the secret key on a line of its own)", ca: "--s3-ca" },
  registry: { place: "--registry", login: "--registry-user and --registry-password-stdin", ca: "--registry-ca" },
};

const REASONS: Record<PlaceReason, { problem: string; fix: (flags: PlaceFlags) => string }> = {
  unreachable: {
    problem: "cannot be reached from within the cluster",
    fix: ({ place }) => `check ${place}, DNS and the network between the cluster's Pods and it`,
  },
  certificate: { problem: "has a certificate that is not trusted", fix: ({ ca }) => `give the CA that signed it: ${ca} FILE` },
  login: { problem: "refuses the login", fix: ({ login }) => `give the right one with ${login}` },
  denied: { problem: "does not allow what davit does", fix: () => "give the login the rights to read, write, list and delete there" },
  bucket: { problem: "cannot be used or made", fix: () => "check --s3-bucket, or make the bucket yourself" },
  taken: {
    problem: "is another davit's",
    fix: () => "give each davit a bucket of its own with --s3-bucket; where the other one is gone for good, delete that object",
  },
  region: { problem: "is in another region", fix: () => "give that with --s3-region" },
  clock: { problem: "has another time than the cluster", fix: () => "set the clocks" },
  full: { problem: "is full", fix: () => "free some space there, or raise its quota" },
  other: { problem: "does not serve", fix: ({ place }) => `look at what it says, and whether ${place} is meant` },
};

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { CertificatePlan, publicRegistry } from "#shared/certificates";
import type { GatewayRef } from "#shared/gateway";
import type { RegistryPlace, S3Place } from "#shared/places";
import { type Proxies, proxiesFrom, proxyFor } from "#shared/proxy";
import { Secret } from "#shared/secret";
import type { KeyPair } from "#shared/tls/signing";
import type { Installation } from "./certificates/wanted.ts";
import { S3_HOST } from "./own-hosts.ts";
import { KeyFolder } from "./registry/key-folder.ts";

const FILES = "/etc/davit";

/** The agent's environment, each variable with its reason; manifests/agent.yaml sets them. */
const Environment = z.object({
  /** Apps get `<name>.<domain>`; a port, that of https, is for lab clusters and shows only in printed URLs. */
  DAVIT_DOMAIN: z.string().min(1),
  /** Who issues what, as JSON. */
  DAVIT_CERTIFICATES: z.string().transform((text) => CertificatePlan.parse(JSON.parse(text))),
  /** Empty: the cluster's default class. */
  DAVIT_INGRESS_CLASS: z.string().default(""),
  /** `namespace/name`: the Gateway by which requests come to apps; empty: by an ingress. */
  DAVIT_GATEWAY: z.string().default(""),
  /** Whether apps may still be served through a Gateway, from before there was none any more. */
  DAVIT_HTTP_ROUTES_LEFT: z.stringbool().default(false),
  /** Empty: the cluster's default class. */
  DAVIT_STORAGE_CLASS: z.string().default(""),
  /** The image this process runs from: staging Pods run it too, so both always have one version. */
  DAVIT_AGENT_IMAGE: z.string().min(1),
  DAVIT_KANIKO_IMAGE: z.string().min(1),
  /** `docker.io=http://mirror:5000,…`: where builds look for base images instead. */
  DAVIT_REGISTRY_MIRRORS: z.string().default(""),
  DAVIT_S3_ENDPOINT: z.url(),
  DAVIT_S3_BUCKET: z.string().default("davit"),
  DAVIT_S3_REGION: z.string().default("us-east-1"),
  DAVIT_S3_PATH_STYLE: z.stringbool().default(true),
  /** `secret`: mounted, of the Secret that install names; `environment`: from the cluster's provider. */
  DAVIT_S3_CREDENTIALS: z.enum(["secret", "environment"]).default("secret"),
  /** host:port, by which builds push and everything of davit's knows an image. */
  DAVIT_REGISTRY: z.string().min(1),
  /** Where nodes find it: its certificate is for that too. */
  DAVIT_REGISTRY_ADDRESS: z.string().min(1),
  /** What nodes call the built-in one; empty: the same. */
  DAVIT_REGISTRY_FOR_NODES: z.string().default(""),
  /** Whether davit's gate is there, or anybody's registry with its HTTP API only. */
  DAVIT_REGISTRY_KIND: z.enum(["built-in", "external"]).default("built-in"),
  /** What repositories of an external registry begin with. */
  DAVIT_REGISTRY_PREFIX: z.string().default(""),
  DAVIT_REGISTRY_PLAIN_HTTP: z.stringbool().default(false),
  /** The other registry, built-in or not, from which nodes may still have to pull; empty: none. */
  DAVIT_FORMER_REGISTRY: z.string().default(""),
  /** Of each app, so many revisions that were live, and so many that were not, outlive the newest (docs/gc.md). */
  DAVIT_KEEP_REVISIONS: z.coerce.number<string>().int().min(1).default(10),
  DAVIT_PORT: z.coerce.number<string>().default(8080),
  /** The same API for fetch Jobs, which reach the agent without an ingress: it ends TLS itself here. */
  DAVIT_TLS_PORT: z.coerce.number<string>().default(8443),
});

export type RegistryConfig =
  | { kind: "built-in"; host: string; nodeHost: string }
  | { kind: "external"; place: RegistryPlace; pull: RegistryPlace["login"] };

export interface Config {
  domain: { host: string; port: string };
  installation: Installation;
  ingressClass: string;
  gateway: GatewayRef | undefined;
  httpRoutesLeft: boolean;
  storageClass: string;
  agentImage: string;
  kanikoImage: string;
  mirrors: { registry: string; url: URL }[];
  s3: S3Place;
  registry: RegistryConfig;
  /** Before the last `davit migrate registry`: for nodes that pull from there still. */
  formerRegistry: RegistryConfig | undefined;
  keepRevisions: number;
  /** PEM of davit's own CA, which signs the certificates of what it runs itself. */
  ca: string;
  /** PEM of those that the admin trusts besides the well-known ones, for what is not davit's; mostly empty. */
  extraCas: string;
  proxies: Proxies;
  /** The same with its key. */
  authority: KeyPair;
  registryKey: KeyFolder;
  port: number;
  tls: { port: number; folder: string };
}

/** Reads everything the agent is configured by, once. @throws ZodError naming the variable */
export async function readConfig(env: Record<string, string | undefined>): Promise<Config> {
  const values = Environment.parse(env);
  const [ca, certificate, key] = await Promise.all([read("trust/ca.crt"), read("authority/tls.crt"), read("authority/tls.key")]);
  const [host = "", port = ""] = values.DAVIT_DOMAIN.split(":");
  const proxies = await readProxies(env["KUBERNETES_SERVICE_HOST"] ?? "");
  return {
    domain: { host, port },
    installation: {
      plan: values.DAVIT_CERTIFICATES,
      domain: host,
      registryAddress: values.DAVIT_REGISTRY_ADDRESS,
      builtIn: { s3: new URL(values.DAVIT_S3_ENDPOINT).hostname === S3_HOST, registry: values.DAVIT_REGISTRY_KIND === "built-in" },
      publicRegistry: values.DAVIT_REGISTRY_FOR_NODES === publicRegistry(values.DAVIT_DOMAIN),
    },
    ingressClass: values.DAVIT_INGRESS_CLASS,
    gateway: parseGateway(values.DAVIT_GATEWAY),
    httpRoutesLeft: values.DAVIT_HTTP_ROUTES_LEFT,
    storageClass: values.DAVIT_STORAGE_CLASS,
    agentImage: values.DAVIT_AGENT_IMAGE,
    kanikoImage: values.DAVIT_KANIKO_IMAGE,
    mirrors: parseMirrors(values.DAVIT_REGISTRY_MIRRORS),
    s3: await readS3(values, proxies),
    registry: await readRegistry(values, proxies),
    formerRegistry: values.DAVIT_FORMER_REGISTRY ? await readFormer(values) : undefined,
    keepRevisions: values.DAVIT_KEEP_REVISIONS,
    ca,
    extraCas: await read("trust/extra.crt").catch(() => ""),
    proxies,
    authority: { certificate, key: new Secret(key) },
    registryKey: await KeyFolder.open(`${FILES}/registry-key`),
    port: values.DAVIT_PORT,
    tls: { port: values.DAVIT_TLS_PORT, folder: `${FILES}/tls` },
  };
}

async function readProxies(apiServer: string): Promise<Proxies> {
  const [http, https, none, ranges] = await Promise.all(["http", "https", "none", "ranges"].map((file) => read(`proxy/${file}`).catch(() => "")));
  return proxiesFrom({ http, https, none, ranges }, apiServer);
}

async function readS3(values: z.infer<typeof Environment>, proxies: Proxies): Promise<S3Place> {
  const endpoint = new URL(values.DAVIT_S3_ENDPOINT);
  return {
    endpoint,
    proxy: proxyFor(endpoint, proxies),
    bucket: values.DAVIT_S3_BUCKET,
    region: values.DAVIT_S3_REGION,
    pathStyle: values.DAVIT_S3_PATH_STYLE,
    ca: await read("trust/s3.crt"),
    credentials:
      values.DAVIT_S3_CREDENTIALS === "environment"
        ? "environment"
        : { accessKey: new Secret((await read("s3/accessKey")).trim()), secretKey: new Secret((await read("s3/secretKey")).trim()) },
  };
}

async function readRegistry(values: z.infer<typeof Environment>, proxies: Proxies): Promise<RegistryConfig> {
  const host = values.DAVIT_REGISTRY;
  if (values.DAVIT_REGISTRY_KIND === "built-in") return { kind: "built-in", host, nodeHost: values.DAVIT_REGISTRY_FOR_NODES || host };
  const [ca, login, pull] = await Promise.all([read("trust/registry.crt"), readLogin("user", "password"), readLogin("pullUser", "pullPassword")]);
  const plainHttp = values.DAVIT_REGISTRY_PLAIN_HTTP;
  const proxy = proxyFor(new URL(`${plainHttp ? "http" : "https"}://${host}`), proxies);
  return { kind: "external", pull, place: { host, prefix: values.DAVIT_REGISTRY_PREFIX, plainHttp, ca, proxy, login } };
}

/** One of the two is the built-in one. Nothing but the nodes' login is used of it. */
async function readFormer({ DAVIT_FORMER_REGISTRY: host, DAVIT_REGISTRY_KIND }: z.infer<typeof Environment>): Promise<RegistryConfig> {
  if (DAVIT_REGISTRY_KIND === "external") return { kind: "built-in", host, nodeHost: host };
  const [login, pull] = await Promise.all([readLogin("user", "password"), readLogin("pullUser", "pullPassword")]);
  return { kind: "external", pull, place: { host, prefix: "", plainHttp: false, ca: "", login } };
}

async function readLogin(userFile: string, passwordFile: string): Promise<RegistryPlace["login"]> {
  const [user, password] = await Promise.all([userFile, passwordFile].map((file) => read(`registry-login/${file}`).catch(() => "")));
  return user ? { user: user.trim(), password: new Secret((password ?? "").trim()) } : undefined;
}

/** A file that a Secret or ConfigMap is mounted as. */
async function read(file: string): Promise<string> {
  return await readFile(`${FILES}/${file}`, "utf8");
}

function parseGateway(text: string): GatewayRef | undefined {
  const [namespace, name] = text.split("/");
  return namespace && name ? { namespace, name } : undefined;
}

function parseMirrors(text: string): { registry: string; url: URL }[] {
  return text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const cut = part.indexOf("=");
      return { registry: part.slice(0, cut), url: new URL(part.slice(cut + 1)) };
    });
}

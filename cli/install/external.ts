import { z } from "zod";
import { Fault } from "#shared/fault";

/** An S3 store that is not davit's own: no built-in one runs then. */
export const ExternalS3 = z.object({
  endpoint: z.string(),
  bucket: z.string(),
  region: z.string(),
  pathStyle: z.boolean(),
  /** PEM; empty: its certificate is of a public CA. */
  ca: z.string(),
  /** Name of the Secret in the namespace davit with `accessKey` and `secretKey`; empty: the cluster's provider gives the agent a role. */
  secret: z.string(),
});
export type ExternalS3 = z.infer<typeof ExternalS3>;

/** A registry that is not davit's own: no built-in one and no gate run then. */
export const ExternalRegistry = z.object({
  /** host or host:port. */
  host: z.string(),
  /** What repositories begin with; may be empty. */
  prefix: z.string(),
  plainHttp: z.boolean(),
  /** PEM; empty: its certificate is of a public CA. */
  ca: z.string(),
  /** Name of the Secret in the namespace davit with `user` and `password`, and `pullUser` and `pullPassword` where nodes have their own; empty: no login. */
  secret: z.string(),
});
export type ExternalRegistry = z.infer<typeof ExternalRegistry>;

/** The Secrets that install writes from what it is given. */
export const S3_SECRET = "davit-s3-external";
export const REGISTRY_SECRET = "davit-registry-external";

/** What was said of an external S3 store; undefined: not said. */
export interface S3Flags {
  endpoint?: string | undefined;
  bucket?: string | undefined;
  region?: string | undefined;
  pathStyle?: boolean | undefined;
  ca?: string | undefined;
  secret?: string | undefined;
}

export interface RegistryFlags {
  /** `[http://|https://]HOST[/PREFIX]`. */
  place?: string | undefined;
  ca?: string | undefined;
  secret?: string | undefined;
}

/** A region that S3 stores without regions take. */
const REGION = "us-east-1";

/** @throws Fault usage for what is wrong by itself; a registry's name is told without what may be a login in it */
export function checkPlaces(s3: S3Flags, registry: RegistryFlags): void {
  if (s3.endpoint !== undefined) originOf(s3.endpoint);
  if (s3.bucket !== undefined && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(s3.bucket))
    throw usage("--s3-bucket", `--s3-bucket '${s3.bucket}' is no bucket's name: 3 to 63 small letters, digits, '.' and '-'`);
  if (s3.region !== undefined && !/^[a-z0-9-]{1,63}$/.test(s3.region))
    throw usage("--s3-region", "--s3-region is no region's name, such as eu-central-1");
  if (registry.place !== undefined) parseRegistry(registry.place);
  for (const [flag, name] of [
    ["--s3-secret", s3.secret],
    ["--registry-secret", registry.secret],
  ] as const)
    if (name && !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)) throw usage(flag, `${flag} takes the name of a Secret in the namespace davit`);
}

/** What was said wins over what is installed. @throws Fault usage when something is missing */
export function resolveS3(flags: S3Flags, installed: ExternalS3 | undefined): ExternalS3 | undefined {
  if (Object.values(flags).every((value) => value === undefined)) return installed;
  const { endpoint, bucket, secret } = { ...installed, ...said(flags) };
  if (endpoint === undefined) throw usage("--s3-endpoint", "the flags of an external S3 store are worth nothing without --s3-endpoint URL");
  if (bucket === undefined) throw usage("--s3-bucket", "--s3-endpoint needs --s3-bucket NAME");
  if (secret === undefined)
    throw usage("--s3-access-key-stdin", "--s3-endpoint needs a key: --s3-access-key-stdin, --s3-access-key-file, --s3-secret or --s3-iam");
  return {
    endpoint: originOf(endpoint),
    bucket,
    region: flags.region ?? installed?.region ?? REGION,
    pathStyle: flags.pathStyle ?? installed?.pathStyle ?? false,
    ca: flags.ca ?? installed?.ca ?? "",
    secret,
  };
}

/** As {@link resolveS3}. @throws Fault usage */
export function resolveRegistry(flags: RegistryFlags, installed: ExternalRegistry | undefined): ExternalRegistry | undefined {
  if (Object.values(flags).every((value) => value === undefined)) return installed;
  const place = flags.place === undefined ? installed : parseRegistry(flags.place);
  if (!place) throw usage("--registry", "the flags of an external registry are worth nothing without --registry HOST[/PREFIX]");
  const { host, prefix, plainHttp } = place;
  return {
    host,
    prefix,
    plainHttp,
    ca: flags.ca ?? installed?.ca ?? "",
    secret: flags.secret ?? installed?.secret ?? "",
  };
}

function said<T extends object>(flags: T): T {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as T;
}

function originOf(text: string): string {
  const url = URL.parse(text);
  const bare = url && url.username === "" && url.password === "" && url.pathname === "/" && url.search === "" && url.hash === "";
  if (bare && (url.protocol === "https:" || url.protocol === "http:")) return url.origin;
  throw usage("--s3-endpoint", "--s3-endpoint is the URL of an S3 server without a path or a login, such as https://s3.example.com:9000");
}

const HOST = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:\d{1,5})?$/;
const PREFIX = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

/** `HOST[/PREFIX]`, encrypted unless it is written as http://. @throws Fault usage, which shows no login */
function parseRegistry(text: string): Pick<ExternalRegistry, "host" | "prefix" | "plainHttp"> {
  const [, scheme = "https", rest = ""] = /^(?:(https?):\/\/)?(.*?)\/*$/.exec(text) ?? [];
  const cut = rest.indexOf("/");
  const [host, prefix] = cut < 0 ? [rest, ""] : [rest.slice(0, cut), rest.slice(cut + 1)];
  // Docker Hub has no repositories as deep as <prefix>/<namespace>/<app>.
  const known = HOST.test(host) && !/(^|\.)docker\.(io|com)$/.test(host);
  if (known && (prefix === "" || PREFIX.test(prefix))) return { host, prefix, plainHttp: scheme === "http" };
  throw usage(
    "--registry",
    "--registry takes HOST[:PORT][/PREFIX] in small letters, such as registry.example.com/davit, of a registry that has repositories at any depth (Docker Hub has not)",
  );
}

function usage(flag: string, message: string): Fault {
  return new Fault("usage", message, { details: { flag } });
}

import type { Context } from "../context.ts";
import { checkTogether } from "../flags.ts";
import type { SaidPlaces } from "../places-command.ts";
import { readStdin } from "../stdin.ts";
import { checkPlaces, REGISTRY_SECRET, S3_SECRET } from "./external.ts";
import type { Data } from "./made.ts";
import { certificateIn, textOf, usage } from "./said-files.ts";

type Reading = Pick<Context, "cwd" | "signal" | "stdin">;

/** The flags as they were typed. */
export interface TypedPlaces {
  s3: {
    endpoint?: string | undefined;
    bucket?: string | undefined;
    region?: string | undefined;
    pathStyle?: boolean | undefined;
    caFile?: string | undefined;
    keyStdin: boolean;
    keyFile?: string | undefined;
    secret?: string | undefined;
    iam: boolean;
  };
  registry: {
    place?: string | undefined;
    caFile?: string | undefined;
    user?: string | undefined;
    passwordStdin: boolean;
    passwordFile?: string | undefined;
    pullUser?: string | undefined;
    pullPasswordFile?: string | undefined;
    secret?: string | undefined;
  };
}

/** The files read and stdin, once what is asked for is no contradiction. @throws Fault usage, without anything that was read */
export async function readPlaces(context: Reading, { s3, registry }: TypedPlaces): Promise<SaidPlaces> {
  checkPlaces(s3, registry);
  checkSources(s3, registry);
  const s3Login = s3.keyStdin || s3.keyFile !== undefined ? await accessKeyOf(context, s3) : undefined;
  const registryLogin = registry.user === undefined ? undefined : await registryLoginOf(context, registry);
  return {
    s3: {
      endpoint: s3.endpoint,
      bucket: s3.bucket,
      region: s3.region,
      pathStyle: s3.pathStyle,
      ca: certificateIn(context, "--s3-ca", s3.caFile),
      secret: s3Login ? S3_SECRET : s3.iam ? "" : s3.secret,
    },
    registry: {
      place: registry.place,
      ca: certificateIn(context, "--registry-ca", registry.caFile),
      secret: registryLogin ? REGISTRY_SECRET : registry.secret,
    },
    given: { s3: s3Login, registry: registryLogin },
  };
}

const PULL_PASSWORD = "--registry-pull-password-file";

function checkSources(s3: TypedPlaces["s3"], registry: TypedPlaces["registry"]): void {
  checkTogether(
    {
      "--s3-access-key-stdin": s3.keyStdin,
      "--s3-access-key-file": s3.keyFile !== undefined,
      "--s3-secret": s3.secret !== undefined,
      "--s3-iam": s3.iam,
    },
    "there is one key",
  );
  checkTogether(
    {
      "--registry-password-stdin": registry.passwordStdin,
      "--registry-password-file": registry.passwordFile !== undefined,
      "--registry-secret": registry.secret !== undefined,
    },
    "there is one password",
  );
  checkTogether(
    { "--s3-access-key-stdin": s3.keyStdin, "--registry-password-stdin": registry.passwordStdin },
    "there is one stdin; give --s3-access-key-file or --registry-password-file instead of one of them",
  );
  for (const [flag, user] of [
    ["--registry-user", registry.user],
    ["--registry-pull-user", registry.pullUser],
  ] as const)
    if (user !== undefined && /[:\r\n]/.test(user)) throw usage(flag, `${flag} must not have a ':'`);
  const password = registry.passwordStdin || registry.passwordFile !== undefined;
  if (password !== (registry.user !== undefined))
    throw usage("--registry-user", "--registry-user goes with --registry-password-stdin or --registry-password-file");
  if ((registry.pullUser === undefined) !== (registry.pullPasswordFile === undefined))
    throw usage("--registry-pull-user", "--registry-pull-user goes with --registry-pull-password-file");
  if (registry.pullUser !== undefined && !password) throw usage("--registry-pull-user", "--registry-pull-user goes with --registry-user, who pushes");
}

async function accessKeyOf(context: Reading, { keyStdin, keyFile }: TypedPlaces["s3"]): Promise<Data> {
  const flag = keyStdin ? "--s3-access-key-stdin" : "--s3-access-key-file";
  const text = keyStdin ? await stdinText(context) : textOf(context, flag, keyFile);
  const [accessKey = "", secretKey = "", ...more] = text.split(/\r?\n/);
  if (accessKey && secretKey && more.every((line) => line === "")) return { accessKey, secretKey };
  throw usage(flag, `${flag} takes two lines: the access key, then the secret key`);
}

async function registryLoginOf(context: Reading, registry: TypedPlaces["registry"]): Promise<Data> {
  const { passwordStdin, passwordFile } = registry;
  const flag = passwordStdin ? "--registry-password-stdin" : "--registry-password-file";
  const password = lineOf(flag, passwordStdin ? await stdinText(context) : textOf(context, flag, passwordFile));
  if (registry.pullUser === undefined) return { user: registry.user ?? "", password };
  const pullPassword = lineOf(PULL_PASSWORD, textOf(context, PULL_PASSWORD, registry.pullPasswordFile));
  return { user: registry.user ?? "", password, pullUser: registry.pullUser, pullPassword };
}

function lineOf(flag: string, text: string): string {
  const line = text.replace(/\r?\n$/, "");
  if (line !== "" && !/[\r\n]/.test(line)) return line;
  throw usage(flag, `${flag}: a password is one line`);
}

async function stdinText(context: Reading): Promise<string> {
  return (await readStdin(context)).toString("utf8");
}

import { join } from "node:path";

/* The table of test/unit/wrong-values.test.ts: which values of which flag and argument are wrong. */

/** Of a cluster that is not there: whoever asks it is found out. */
const KUBECONFIG = join(import.meta.dir, "..", "fixtures", "kubeconfig.yml");

/** Values that are wrong, and what is said of each of them beside the name of what it was given to. */
export interface Wrong {
  says: string;
  values: readonly string[];
  /** Other flags that it needs to have a meaning. */
  beside?: readonly string[];
  /** Where what it says is a matter of its own, with a code of its own: no usage fault, and without the flag's name. */
  exit?: number;
}

export const wrong = (says: string, ...values: string[]): Wrong => ({ says, values });
const beside = (flags: string, row: Wrong): Wrong => ({ ...row, beside: flags.split(" ") });

const LABEL = "has to be lower-case letters, digits and '-', starting with a letter";
/** What can be no name of an app, a namespace or a configuration. */
const NO_LABELS = ["Shop", "1shop", "-shop", "shop-", "my shop", "shop.test", "shop\n", "shöp", "../shop"];
const label = wrong(LABEL, ...NO_LABELS);
const image = wrong("has to be an image in lower case, such as", "a b", "Shop", "http://a.test/shop", "shop:", "shop@sha256:1", "shop\n");
const seconds = wrong("is a duration such as 90s, 10m or 1h30m", "10", "s", "-5s", "0s", "5 s", "1d", "9999h", "5s\n");
const whole = (least: number, most: number) =>
  wrong(`is a whole number from ${least} to ${most}`, ...[least - 1, most + 1].map(String), "many", "1.5", "1e1", "0x1", " 1", "1\n");
const pair = wrong("takes NAME=VALUE", "NAME", "=value", "1X=value", "A-B=value", "__proto__=value", "A\n=value");
const variable = wrong("variable's name", "1X", "A-B", "A=1", "__proto__", "A\n");
const caFile = wrong("", "missing.pem", ".", "Dockerfile");
const envFile = wrong("cannot be read", "missing.env", ".");
const key = wrong("has to be letters, digits, '-', '_' and '.'", "a b", "a/b", "..", "a\n");
const route = wrong("has to be a host name with a dot", "shop", "Shop.test", "http://shop.test", "shop.test:80", "*.test", `${"x".repeat(64)}.test`);
const className = wrong("has to be the name of one in the cluster", "No", "a b", "-a", "a\n", "x".repeat(254));

const proxyUrl = wrong(
  "is the URL of a proxy",
  "proxy",
  "a.test:3128",
  "socks5://a.test:1080",
  "http://",
  "http://a.test/x",
  "http://me:pw@a.test/?q",
);
const secretName = wrong("takes the name of a Secret", "No", "a b", "a\n");

const pemFile = (flags: string) => beside(flags, wrong("", "missing.pem", "."));

/** By the flag's name, or by command and flag where commands differ. */
export const FLAGS: Readonly<Record<string, Wrong>> = {
  "--trust-ca": caFile,
  "--http-proxy": proxyUrl,
  "--https-proxy": proxyUrl,
  "--no-proxy": wrong("takes hosts, domains, addresses and ranges", "http://a.test", "a b", "a;b", "a\\b"),
  "--acme-ca": beside("--issuer acme", caFile),
  "--acme-email": beside("--issuer acme", wrong("has to be an e-mail address", "me", "a b@c.test", "a@b\n")),
  "--acme-server": beside("--issuer acme", wrong("is production, staging, or the https URL", "letsencrypt", "http://a.test", "https://me:pw@a.test")),
  "--address": wrong("is an IP address of this machine", "example.com", "127.0.0.256", "127.0.0.1:80"),
  "--agent-image": image,
  "--bind": label,
  "--build-arg": pair,
  "--ca-cert": pemFile("--issuer byo --ca-key Dockerfile"),
  "--ca-key": pemFile("--issuer byo --ca-cert Dockerfile"),
  "--ca-file": caFile,
  "--certs-dir": wrong("is no absolute path", "certs.d", "/a b", "/a:/b"),
  "--context": beside(`--kubeconfig ${KUBECONFIG}`, wrong("it has here", "elsewhere")),
  "--domain": wrong("is no DNS name", "Apps.test", "apps..test", "http://apps.test", "apps test", "x".repeat(201)),
  "--env": pair,
  "--env-file": envFile,
  "--explain": wrong("takes an app, a revision such as shop-3, a digest", "no such", "a?b", "a\n", "x".repeat(301)),
  "--grace": seconds,
  "--fingerprint": wrong("takes SHA256: and 64 hex digits", "abc", `SHA1:${"0".repeat(64)}`, "0".repeat(63), "x".repeat(64)),
  "--from-file": wrong("K=FILE", "K", "a b=Dockerfile", "=Dockerfile"),
  "configuration create --from-file": wrong("cannot be read", "K=missing", "K=."),
  "--gateway": wrong("takes NAMESPACE/NAME", "traefik", "a/b/c", "a b/c", "A/b", "a/", "/b", "a/b\n"),
  "--git": wrong(
    "",
    "git@a.test:x.git",
    "http://a.test/x",
    "https://me:pw@a.test/x",
    "shop",
    "https://a.test/x,",
    "https://a.test/x,a,b",
    "https://a.test/x,-b",
  ),
  "--git-credential": beside("--git https://git.example.com/shop", label),
  "--host": wrong("has to be a host such as git.example.com", "https://a.test", "a b", "a.test/x", "a.test:123456", "a\n"),
  "--image": image,
  "--instance": wrong("is an instance as `davit app logs` calls it", "No", "a b", "a/b", "x".repeat(254)),
  "--instances": whole(0, 100),
  "--issuer": wrong(
    "is one of private-ca, selfsigned, acme, byo",
    "letsencrypt",
    "existing",
    "existing:Issuer",
    "existing:Secret/a",
    "existing:Issuer/A b",
  ),
  "--kaniko-image": image,
  "--keep-revisions": whole(1, 1000),
  "--kubeconfig": wrong("cannot be read", "missing", "."),
  "--name": label,
  "--namespace": label,
  "--node-trust": wrong("is one of daemonset, public, manual, insecure-nodeport", "never", "Manual", "daemonset\n"),
  "--only": wrong("is one of cli-agent, agent-s3", "everything", "DNS", "dns,disk", "dns\n"),
  "--output": wrong("is one of text, json", "yaml", "Json", "text,json"),
  "--path": { ...wrong("does not exist", "missing"), exit: 10 },
  "--pod-cidr": wrong("is no range of addresses", "10.0.0.0", "10.0.0.0/33", "fd00::/129", "0.0.0.0/0", "pods/16", "10.0.0.0/8 "),
  "--port": whole(1, 65_535),
  "--registry": wrong("takes HOST[:PORT][/PREFIX]", "Registry.test", "a b", "ftp://a.test", "https://me:pw@a.test", "docker.io/shop", "a.test/A"),
  "--registry-ca": caFile,
  "--registry-image": image,
  "--registry-mirror": wrong(
    "takes HOST=URL",
    "docker.io",
    "docker.io=mirror",
    "=https://a.test",
    "a=ftp://a.test",
    "a=https://a.test,b=https://b.test",
  ),
  "--registry-password-file": beside("--registry-user ci", wrong("cannot be read", "missing", ".")),
  "--registry-pull-password-file": beside(
    "--registry-pull-user pull --registry-user ci --registry-password-stdin",
    wrong("cannot be read", "missing", "."),
  ),
  "--registry-pull-user": wrong("must not have a ':'", "a:b"),
  "--registry-secret": secretName,
  "--registry-user": wrong("must not have a ':'", "a:b"),
  "--revision": whole(1, 1_000_000_000),
  "--route": route,
  "--route-class": className,
  "--s3-access-key-file": wrong("", "missing", ".", "Dockerfile"),
  "--s3-bucket": wrong("is no bucket's name", "Davit", "ab", "a_b", "x".repeat(64)),
  "--s3-ca": caFile,
  "--s3-endpoint": wrong("is the URL of an S3 server", "s3.test", "ftp://a.test", "https://me:pw@a.test", "https://a.test/b", "https://a.test?b"),
  "--s3-image": image,
  "--s3-region": wrong("is no region's name", "EU", "eu west", "eu\n"),
  "--s3-secret": secretName,
  "--server": wrong(
    "has to be a server's address, such as https://davit.example.com",
    "ftp://a.test",
    "a b",
    "https://me:pw@a.test",
    "https://a.test?b",
  ),
  "--since": wrong("is a duration such as 90s, 10m or 1h30m, or a time such as", "10", "yesterday", "2026-01-31", "2026-13-31T08:00:00Z"),
  "--stdin": variable,
  "configuration create --stdin": key,
  "configuration update --stdin": key,
  "--storage-class": className,
  "--tag": image,
  "--tail": whole(0, 100_000),
  "--timeout": seconds,
  "--tls-cert": pemFile("--issuer byo --tls-key Dockerfile"),
  "--tls-key": pemFile("--issuer byo --tls-cert Dockerfile"),
  "--tls-secret": beside("--issuer byo", secretName),
  "--unbind": label,
  "--unset": key,
  "--unset-env": variable,
  "--user": beside("--password-stdin", wrong("must not have a ':'", "a:b", "a\n")),
  "--username": wrong("must not have a ':'", "a:b", "a\n"),
};

/** Flags that any text but an empty one is right for, and why. */
export const ANY_TEXT: Readonly<Record<string, string>> = {
  "login --token-command": "what can be a command is the shell's to know",
};

/** By the placeholder in the usage, or by command and placeholder. */
export const ARGUMENTS: Readonly<Record<string, Wrong>> = {
  NAME: label,
  APP: label,
  N: whole(0, 100),
  REVISION: whole(1, 1_000_000_000),
  K: variable,
  URL: wrong("has to be a server's address", "ftp://a.test", "a b", "https://me:pw@a.test"),
  MANIFEST: wrong("there is no manifest 'missing.yml'", "missing.yml"),
  "bash|zsh|fish": wrong("completion is for bash, zsh, fish", "sh", "powershell"),
  "ca|s3|registry|signing-key": wrong("rotate is for ca, s3, registry, signing-key", "keys", "Registry", "a\n"),
  "s3|registry": wrong("what moves is one of s3, registry", "S3", "store"),
  FILE: wrong("cannot be written", "missing/image.tar", "."),
  REF: wrong("has to be an image with its registry, such as", "davit", "davit:1", "https://a.test/davit"),
};

/** What makes a command line right that no flag under test is in. */
export const RIGHT: Readonly<Record<string, string>> = {
  "app env set": "LEVEL=debug",
  "app port-forward": "3000:8080",
  "app update": "--port 3000",
  "app exec": "",
  "configuration update": "LEVEL=debug",
  "git-credential create": "--host git.example.com --password-stdin",
  install: `--domain apps.example.com --kubeconfig ${KUBECONFIG}`,
  login: "--token-stdin",
  migrate: `--delete-old --kubeconfig ${KUBECONFIG}`,
};

export const GOOD: Readonly<Record<string, string>> = {
  NAME: "shop",
  APP: "shop",
  N: "3",
  K: "LEVEL",
  URL: "https://davit.example.com",
  FILE: "image.tar",
  REF: "registry.example.com/davit:1",
  "bash|zsh|fish": "bash",
  "ca|s3|registry|signing-key": "signing-key",
  "s3|registry": "s3",
};

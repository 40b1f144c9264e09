import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CA_FILE, hostsToml, type RegistryHost } from "#shared/hosts-toml";
import { aborted } from "./aborted.ts";
import type { Log } from "./log.ts";

/** First line of every hosts.toml of davit's. A file without it is somebody else's and stays as it is. */
const HEADER = "# Written by davit (node-trust); changes are undone. `davit uninstall` removes this folder.";
/** As an older davit called it, where a hosts.toml of its names it. */
const FORMER_CA_FILE = "ca.crt";
/** Reading a few small files this often costs nothing, and an edit on the node is undone within it. */
const LOOK_MS = 5000;

/** The DaemonSet's environment; manifests/node-trust.yaml and `davit install` set it. */
const Environment = z.object({
  /** host:port, as image names have it. */
  DAVIT_REGISTRY: z.string().min(1),
  /** The registry Service's ClusterIP, since nodes cannot resolve cluster names; of an external one its host. */
  DAVIT_REGISTRY_ADDRESS: z.string().min(1),
  /** Folders of the node, mounted at the same path, with `:` between. */
  DAVIT_CERTS_DIRS: z.string().min(1),
  DAVIT_REGISTRY_PLAIN_HTTP: z.stringbool().default(false),
  DAVIT_TRUST_CA: z.string().default("/etc/davit/trust/registry.crt"),
  /** The same of the registry before a migration; empty: there is none. */
  DAVIT_FORMER_REGISTRY: z.string().default(""),
  DAVIT_FORMER_ADDRESS: z.string().default(""),
  DAVIT_FORMER_PLAIN_HTTP: z.stringbool().default(false),
  DAVIT_FORMER_CA: z.string().default("/etc/davit/trust/former-registry.crt"),
  DAVIT_HEALTH_PORT: z.coerce.number<string>().default(8081),
});

/** A registry that nodes are told about, and the file with its CA. */
type Told = RegistryHost & { caFile: string };

/** What a node's folder was found to be in. */
export type TrustState = "written" | "unchanged" | "foreign";

/** `davit agent trust-nodes [--remove]`: keeps the node's folders right, or, with --remove, clears them, until `signal` aborts. */
export async function runTrustNodes(
  env: Record<string, string | undefined>,
  args: readonly string[],
  options: { signal: AbortSignal; log: Log },
): Promise<void> {
  const { signal, log } = options;
  const values = Environment.parse(env);
  const certsDirs = values.DAVIT_CERTS_DIRS.split(":");
  const told = args.includes("--remove") ? [] : toldOf(values);
  let settled = false;
  const step = async () => {
    const foreign = await Promise.all(told.map((one) => writeAll(certsDirs, one, log)));
    await removeOthers(
      certsDirs,
      told.map(({ registry }) => registry),
      log,
    );
    settled = !foreign.includes(true);
  };
  const guarded = () =>
    step().catch((error) => {
      settled = false;
      log("the node's certs.d could not be written", { error });
    });
  // Ready means done on this node: install and uninstall wait for it. Ending changes nothing on the node, so that a rollout
  // of this DaemonSet leaves no moment without trust.
  const server = Bun.serve({ port: values.DAVIT_HEALTH_PORT, fetch: () => new Response(null, { status: settled ? 200 : 503 }) });
  await guarded();
  const timer = setInterval(guarded, LOOK_MS);
  await aborted(signal);
  clearInterval(timer);
  await server.stop(true);
}

function toldOf(values: z.infer<typeof Environment>): Told[] {
  const { DAVIT_REGISTRY: registry, DAVIT_REGISTRY_ADDRESS: address, DAVIT_REGISTRY_PLAIN_HTTP: plainHttp, DAVIT_TRUST_CA: caFile } = values;
  const current = { registry, address, plainHttp, caFile };
  if (!values.DAVIT_FORMER_REGISTRY) return [current];
  const former = {
    registry: values.DAVIT_FORMER_REGISTRY,
    address: values.DAVIT_FORMER_ADDRESS,
    plainHttp: values.DAVIT_FORMER_PLAIN_HTTP,
    caFile: values.DAVIT_FORMER_CA,
  };
  return [current, former];
}

/** Whether somebody else's file is in the way. */
async function writeAll(certsDirs: readonly string[], trust: Told, log: Log): Promise<boolean> {
  const ca = await readFile(trust.caFile, "utf8");
  // A certificate of a public CA is trusted anyway.
  if (ca === "" && !trust.plainHttp) return false;
  const states = await Promise.all(certsDirs.map((folder) => writeTrust(folder, trust, ca)));
  states.forEach((state, index) => {
    const folder = join(certsDirs[index] ?? "", trust.registry);
    if (state === "written") log("the node's containerd was told about the registry", { folder });
    if (state === "foreign") log("this hosts.toml is not davit's and stays; remove it, or configure the registry there yourself", { folder });
  });
  return states.includes("foreign");
}

/** Whatever registry davit told the nodes about once and does not any more. */
async function removeOthers(certsDirs: readonly string[], told: readonly string[], log: Log): Promise<void> {
  for (const folder of certsDirs) {
    for (const registry of await readdir(folder).catch(() => []))
      if (!told.includes(registry) && (await removeTrust(folder, registry))) log("the node's containerd forgot a registry", { folder, registry });
  }
}

/** hosts.toml with the mark by which it is known again. */
export function ownHostsToml(trust: RegistryHost): string {
  return `${HEADER}\n${hostsToml(trust)}`;
}

/** Makes `<folder>/<registry>/` say what it should. The CA comes first: a hosts.toml never names a file that is not there. */
export async function writeTrust(folder: string, trust: RegistryHost, ca: string): Promise<TrustState> {
  const own = join(folder, trust.registry);
  const present = await readOrNothing(join(own, "hosts.toml"));
  if (present !== undefined && !present.startsWith(HEADER)) return "foreign";
  const wanted = ownHostsToml(trust);
  const presentCa = await readOrNothing(join(own, CA_FILE));
  if (present === wanted && presentCa === ca) return "unchanged";
  await mkdir(own, { recursive: true, mode: 0o755 });
  if (presentCa !== ca) await replace(own, CA_FILE, ca);
  if (present !== wanted) await replace(own, "hosts.toml", wanted);
  if (present?.includes(`ca = "${FORMER_CA_FILE}"`)) await rm(join(own, FORMER_CA_FILE), { force: true });
  return "written";
}

/** Takes away what writeTrust wrote, and nothing that somebody else put there; true when there was something. */
export async function removeTrust(folder: string, registry: string): Promise<boolean> {
  const own = join(folder, registry);
  const present = await readOrNothing(join(own, "hosts.toml"));
  if (!present?.startsWith(HEADER)) return false;
  await rm(join(own, "hosts.toml"), { force: true });
  await rm(join(own, CA_FILE), { force: true });
  for (const name of await readdir(own)) if (name.endsWith(PART)) await rm(join(own, name), { force: true });
  await rmdir(own).catch(() => {});
  return true;
}

const PART = ".davit-part";

/** containerd reads these files at every pull: they change as a whole or not at all. */
async function replace(folder: string, name: string, text: string): Promise<void> {
  const part = join(folder, `.${name}${PART}`);
  await writeFile(part, text, { mode: 0o644 });
  await rename(part, join(folder, name));
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

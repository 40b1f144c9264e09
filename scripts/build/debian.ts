import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

export type Architecture = "amd64" | "arm64";

/** Where the lists of Debian and of Ubuntu are named; other sources of this machine have no part in the image. */
const SOURCES = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources", "/etc/apt/sources.list"];

/**
 * Downloads the packages, checked by apt against its signed lists, and unpacks them into `folder`/root without installing anything.
 * For another architecture, or where this machine's lists are missing or old, apt works on lists of its own below `folder`,
 * so the machine stays as it is.
 */
export async function unpackPackages(architecture: Architecture, names: readonly string[], folder: string): Promise<string> {
  const debs = join(folder, "debs");
  await mkdir(debs, { recursive: true });
  const native = architecture === (process.arch === "arm64" ? "arm64" : "amd64");
  if (
    !native ||
    !(await apt(["download", ...names], debs).then(
      () => true,
      () => false,
    ))
  )
    await downloadWithOwnLists(architecture, names, folder, debs);
  const root = join(folder, "root");
  for await (const deb of new Bun.Glob("*.deb").scan({ cwd: debs, absolute: true })) await run(["dpkg-deb", "-x", deb, root], folder);
  return root;
}

async function downloadWithOwnLists(architecture: Architecture, names: readonly string[], folder: string, debs: string): Promise<void> {
  const sources = SOURCES.find((path) => existsSync(path));
  if (sources === undefined) throw new Error("no Debian package source is configured on this machine");
  const [lists, cache] = [join(folder, "lists"), join(folder, "cache")];
  await Promise.all([mkdir(join(lists, "partial"), { recursive: true }), mkdir(join(cache, "archives", "partial"), { recursive: true })]);
  const settings = {
    "Dir::State::lists": lists,
    "Dir::Cache": cache,
    "Dir::Etc::SourceList": sources,
    "Dir::Etc::SourceParts": "-",
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "Acquire::Languages": "none",
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  await apt([...options, "update"], folder);
  await apt([...options, "download", ...names], debs);
}

/** Without the sandbox user, who may not write into a private folder. */
const apt = (words: readonly string[], cwd: string): Promise<void> => run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", ...words], cwd);

async function run(command: string[], cwd: string): Promise<void> {
  if (Bun.which(command[0] ?? "") === null) throw new Error(`this machine has no ${command[0]}`);
  const child = Bun.spawn(command, { cwd, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [message, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`${command[0]} failed: ${message.trim().split("\n").at(-1) ?? code}`);
}

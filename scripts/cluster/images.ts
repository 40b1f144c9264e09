import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../shared/oci/tar.ts";
import type { Built } from "./build.ts";
import { run } from "./exec.ts";
import { ClusterError } from "./fail.ts";
import type { ImageSpec } from "./oci.ts";
import { systemPath } from "./servers.ts";

const hostCertificates = "/etc/ssl/certs/ca-certificates.crt";

/** Images of the node (`lab.local/…`), made from the servers' own binaries: nothing is downloaded. */
export async function nodeImages(built: readonly Built[]): Promise<ImageSpec[]> {
  const binary = (name: string): string => {
    const found = built.find(({ component }) => component.name === name);
    if (!found) throw new ClusterError(`no component is called ${name}`);
    return found.binary;
  };
  const single = (name: string, path = name): ImageSpec => ({
    reference: `lab.local/${name}:1`,
    compression: "zstd",
    config: { Entrypoint: [`/${path}`], Env: [`PATH=/`], User: "65532:65532" },
    layers: [[...accounts, ...certificates("etc/ssl/certs"), temporary, executable(path, binary(name))]],
  });
  const busybox = await busyboxEntries("bin");
  return [
    // Waits for ever, as the sandbox's first process has to; busybox is there anyway.
    {
      reference: "lab.local/pause:1",
      compression: "zstd",
      config: { Entrypoint: ["/bin/sleep", "2147483647"] },
      layers: [await busyboxEntries("bin", ["sleep"])],
    },
    single("coredns"),
    single("traefik"),
    {
      reference: "lab.local/busybox:1",
      compression: "zstd",
      config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
      layers: [[...accounts, temporary, ...busybox]],
    },
    single("local-path", "local-path-provisioner"),
    single("cert-manager"),
    single("pebble"),
    single("versitygw"),
    single("registry"),
    await kaniko(binary("kaniko")),
  ];
}

/** What the published kaniko debug image looks like to davit: an executor, a shell in a volume, trust and a config folder. */
async function kaniko(executor: string): Promise<ImageSpec> {
  return {
    reference: "lab.local/kaniko:1",
    compression: "zstd",
    config: {
      Entrypoint: ["/kaniko/executor"],
      Env: ["PATH=/usr/local/bin:/kaniko:/busybox", "SSL_CERT_DIR=/kaniko/ssl/certs", "DOCKER_CONFIG=/kaniko/.docker", "HOME=/root", "USER=root"],
      Volumes: { "/busybox": {} },
      WorkingDir: "/workspace",
    },
    layers: [
      [
        ...folders("etc", "kaniko/.docker", "workspace", "root"),
        text("etc/passwd", "root:x:0:0:root:/root:/busybox/sh\n"),
        ...certificates("kaniko/ssl/certs"),
        executable("kaniko/executor", executor),
        ...(await busyboxEntries("busybox")),
      ],
    ],
  };
}

/** Stand-ins for public base images, so that `FROM oven/bun:1` is found without the internet. */
export async function mirrorImages(): Promise<ImageSpec[]> {
  return [
    { reference: "oven/bun:1", compression: "gzip", config: bunConfig, layers: [await debianEntries(), await bunEntries()] },
    {
      reference: "library/busybox:1",
      compression: "gzip",
      config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
      layers: [[...accounts, ...folders("root"), temporary, ...(await busyboxEntries("bin"))]],
    },
  ];
}

/** It trusts whom this machine trusts, also where the network inspects TLS: `bun install` in a build works as it does outside. */
const bunConfig = {
  Cmd: ["/usr/local/bin/bun"],
  Env: [`PATH=${systemPath}`, "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"],
  WorkingDir: "/home/bun/app",
};

async function bunEntries(): Promise<Entry[]> {
  return [
    ...folders("usr/local/bin", "home/bun/app"),
    executable("usr/local/bin/bun", process.execPath),
    { kind: "symlink", path: "usr/local/bin/bunx", to: "bun" },
  ];
}

/** A small Debian from this machine's own files: C library, shell, tools (busybox), certificates. */
async function debianEntries(): Promise<Entry[]> {
  const libraries = [...new Set([...(await sharedLibraries("/bin/bash")), ...(await sharedLibraries(process.execPath)), ...extraLibraries()])];
  const loader = libraries.find((path) => path.includes("/ld-linux"));
  const links = ["bin", "sbin", "lib", "lib64"].map((name): Entry => ({ kind: "symlink", path: name, to: `usr/${name}` }));
  return [
    ...accounts,
    ...folders("home", "root", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/local", "var", "run", "proc", "sys", "dev"),
    { kind: "directory", path: "var/tmp", mode: 0o1777 },
    temporary,
    ...links,
    ...certificates("etc/ssl/certs"),
    executable("usr/bin/bash", "/bin/bash"),
    ...(await busyboxEntries("usr/bin")),
    ...folders("usr/lib/x86_64-linux-gnu").filter(() => libraries.some((path) => path.includes("x86_64-linux-gnu"))),
    ...libraries.filter((path) => path !== loader).map((path) => executable(`usr${path.replace(/^\/usr/, "")}`, path)),
    ...(loader ? [executable(`usr${loader}`, loader)] : []),
  ];
}

/** Loaded by name at run time or by native npm modules, so no program names them. */
function extraLibraries(): string[] {
  const folder = process.arch === "arm64" ? "/lib/aarch64-linux-gnu" : "/lib/x86_64-linux-gnu";
  const names = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "librt.so.1", "libgcc_s.so.1"];
  return [...names.map((name) => join(folder, name)), join("/usr", folder, "libstdc++.so.6")].filter((path) => existsSync(path));
}

async function sharedLibraries(program: string): Promise<string[]> {
  const listing = await run(["ldd", program]);
  return [...listing.matchAll(/(?:=>\s*|^\s*)(\/\S+)\s+\(0x/gm)].flatMap((match) => match[1] ?? []);
}

async function busyboxEntries(folder: string, only?: readonly string[]): Promise<Entry[]> {
  const applets = only ?? (await run(["busybox", "--list"])).trim().split("\n");
  const path = Bun.which("busybox") ?? "/bin/busybox";
  return [
    ...folders(folder),
    executable(`${folder}/busybox`, path),
    ...applets
      .filter((applet) => applet !== "busybox" && applet !== "bash")
      .map((applet): Entry => ({ kind: "symlink", path: `${folder}/${applet}`, to: "busybox" })),
  ];
}

const text = (path: string, content: string): Entry => ({ kind: "file", path, from: new TextEncoder().encode(content) });
const executable = (path: string, from: string): Entry => ({ kind: "file", path, mode: 0o755, from });
const temporary: Entry = { kind: "directory", path: "tmp", mode: 0o1777 };

/** The folders with everything above them, each once. */
function folders(...paths: string[]): Entry[] {
  const all = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/");
    for (let depth = 1; depth <= parts.length; depth++) all.add(parts.slice(0, depth).join("/"));
  }
  return [...all].map((path): Entry => ({ kind: "directory", path }));
}

function certificates(folder: string): Entry[] {
  const bundle = existsSync(hostCertificates) ? readFileSync(hostCertificates) : new Uint8Array();
  return [...folders(folder), { kind: "file", path: `${folder}/ca-certificates.crt`, from: bundle }];
}

const accounts: Entry[] = [
  ...folders("etc"),
  text(
    "etc/passwd",
    "root:x:0:0:root:/root:/bin/sh\nbun:x:1000:1000::/home/bun:/bin/sh\nnonroot:x:65532:65532::/tmp:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n",
  ),
  text("etc/group", "root:x:0:\nbun:x:1000:\nnonroot:x:65532:\nnogroup:x:65534:\n"),
  text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
];

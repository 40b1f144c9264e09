import { createHash } from "node:crypto";
import { join } from "node:path";

const version = "k8s.io/component-base/version";
const kubernetes = "v1.37.2";

/** The same flags for all of them: packages that several servers share are compiled once. */
const linkerFlags = [
  "-s -w",
  `-X ${version}.gitVersion=${kubernetes} -X ${version}.gitMajor=1 -X ${version}.gitMinor=37`,
  `-X ${version}.gitCommit=module -X ${version}.gitTreeState=clean -X ${version}.buildDate=2026-01-01T00:00:00Z`,
].join(" ");

export const buildFlags = ["-trimpath", "-ldflags", linkerFlags] as const;

/** One binary: `module` is the folder with its go.mod, `package` what is built there, `names` the links that start it. */
export type Component = { name: string; module: string; package: string; names: string[]; sources: string[] };

const fromModule = (name: string, path: string, names = [name]): Component => ({ name, module: "servers", package: path, names, sources: [] });

/** In order of building: each compiles only what those before it did not. */
export const components: Component[] = [
  {
    name: "kube",
    module: "servers",
    package: "./kube",
    names: ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"],
    sources: ["kube/main.go"],
  },
  { name: "forward", module: "servers", package: "./forward", names: ["davit-forward"], sources: ["forward/main.go"] },
  fromModule("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
  fromModule("containerd-shim", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2", ["containerd-shim-runc-v2"]),
  fromModule("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
  fromModule("coredns", "github.com/coredns/coredns"),
  fromModule("traefik", "github.com/traefik/traefik/v3/cmd/traefik"),
  // A module of its own: traefik replaces gorilla/mux by a fork with which the registry cannot tell its routes apart.
  { ...fromModule("registry", "github.com/distribution/distribution/v3/cmd/registry"), module: "registry" },
  fromModule("kaniko", "github.com/GoogleContainerTools/kaniko/cmd/executor"),
  { ...fromModule("cert-manager", "./cert-manager"), sources: ["cert-manager/main.go"] },
  fromModule("pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble"),
  fromModule("versitygw", "github.com/versity/versitygw/cmd/versitygw"),
  // A module of its own: it spells logrus in a way that the others' dependencies do not.
  { name: "local-path", module: "local-path", package: "github.com/rancher/local-path-provisioner", names: ["local-path-provisioner"], sources: [] },
];

export type SourceText = { path: string; text: string };

/** Changes when anything changes that decides the binary: the pinned modules, our own source, flags, architecture. */
export function cacheKey(component: Component, files: readonly SourceText[], architecture: string): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([component.package, buildFlags, architecture]));
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) hash.update(JSON.stringify([file.path, file.text]));
  return hash.digest("hex").slice(0, 12);
}

export const sourcesOf = (component: Component): string[] => ["go.mod", "go.sum", ...component.sources].map((file) => join(component.module, file));

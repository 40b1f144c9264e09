import { describe, expect, test } from "bun:test";
import { configFiles, containerdToml, kubeconfig, type Machine, nodeFiles, reachableResolvers } from "./config.ts";
import { layoutOf, nodeOf } from "./layout.ts";

const layout = layoutOf({ HOME: "/home/ada" });
const [node, second] = [nodeOf(layout, 1), nodeOf(layout, 2)];
const machine: Machine = {
  runc: "/usr/sbin/runc",
  cniBin: "/usr/lib/cni",
  mayRaiseOomScore: false,
  snapshotter: "overlayfs",
  resolvers: ["192.0.2.53"],
};

test("the cache follows XDG_CACHE_HOME", () => {
  expect(layout.cache).toBe("/home/ada/.cache/davit/cluster");
  expect(layoutOf({ HOME: "/home/ada", XDG_CACHE_HOME: "/c" }).cache).toBe("/c/davit/cluster");
});

test("containerd's configuration is TOML and keeps to our folders", () => {
  const toml = Bun.TOML.parse(containerdToml(layout, node, machine)) as { root: string; plugins: Record<string, Record<string, unknown>> };
  expect(toml.root).toBe(node.containerd);
  expect(toml.plugins["io.containerd.cri.v1.runtime"]?.restrict_oom_score_adj).toBe(true);
  expect(toml.plugins["io.containerd.cri.v1.images"]?.registry).toEqual({ config_path: node.certsD });
});

test("a second node keeps to a folder of its own, but sees whom to trust where the first one has it", () => {
  const files = nodeFiles(layout, second, machine);
  expect(files.filter(({ path }) => !path.includes("/node-2/"))).toEqual([]);
  const toml = Bun.TOML.parse(containerdToml(layout, second, machine)) as { root: string; plugins: Record<string, Record<string, unknown>> };
  expect(toml.root).toBe(second.containerd);
  expect(toml.plugins["io.containerd.cri.v1.images"]?.registry).toEqual({ config_path: node.certsD });
});

test("every other configuration file is JSON or TOML, but for resolv.conf", () => {
  for (const file of [...configFiles(layout, machine), ...nodeFiles(layout, node, machine)]) {
    if (/\.(json|conflist)$/.test(file.path)) expect(() => JSON.parse(file.text)).not.toThrow();
    else if (file.path.endsWith(".toml")) expect(() => Bun.TOML.parse(file.text)).not.toThrow();
    else expect(file.path).toEndWith("resolv.conf");
  }
});

test("a kubeconfig carries its certificates", () => {
  const parsed = JSON.parse(kubeconfig(layout, "admin", { ca: "CA", certificate: "CRT", key: "KEY" }));
  expect(parsed.users[0].user).toEqual({ "client-certificate-data": btoa("CRT"), "client-key-data": btoa("KEY") });
  expect(parsed["current-context"]).toBe("davit-cluster");
});

describe("resolvers that Pods can reach", () => {
  test.each([
    ["nameserver 192.0.2.1\nnameserver 192.0.2.2", ["192.0.2.1", "192.0.2.2"]],
    ["# nameserver 192.0.2.1\nsearch example.com\n nameserver\t192.0.2.3", ["192.0.2.3"]],
    ["nameserver 127.0.0.53", []],
    ["nameserver ::1\nnameserver fe80::1", []],
    ["", []],
  ])("%j", (text, expected) => {
    expect(reachableResolvers(text)).toEqual(expected);
  });
});

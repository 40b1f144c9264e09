import { expect, test } from "bun:test";
import { type Status, statusTable } from "./status.ts";

const status: Status = {
  running: true,
  parts: [
    { name: "etcd", ok: true, detail: "process 7" },
    { name: "kubelet", ok: true, detail: "process 8" },
  ],
  kubeconfig: "/k",
  kubectl: "/bin/kubectl",
  domain: "apps.localhost",
  ingress: { http: 80, https: 443, address: "198.18.0.1" },
  mirror: "http://198.18.0.1:5100",
  certsDir: "/certs.d",
  nodes: [{ name: "davit-node", address: "198.18.0.1", certsDir: "/certs.d" }],
  ca: "/ca.crt",
  auditLog: "/audit.log",
  logs: "/logs",
};

test("a table that says where things are", () => {
  expect(statusTable(status)).toBe(
    [
      "ok    etcd     process 7",
      "ok    kubelet  process 8",
      "",
      "KUBECONFIG  /k",
      "kubectl     /bin/kubectl",
      "apps        http://NAME.apps.localhost/",
    ].join("\n"),
  );
});

test("an unusual port is part of the URL", () => {
  expect(statusTable({ ...status, ingress: { ...status.ingress, http: 8080 } })).toContain("http://NAME.apps.localhost:8080/");
});

test("what is not running is marked, and nothing is promised", () => {
  const table = statusTable({ ...status, running: false, parts: [{ name: "etcd", ok: false, detail: "not running" }] });
  expect(table).toBe("FAIL  etcd  not running");
});

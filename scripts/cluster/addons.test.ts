import { expect, test } from "bun:test";
import { fill } from "./addons.ts";
import certificatesYaml from "./certificates.yaml" with { type: "text" };
import systemYaml from "./system.yaml" with { type: "text" };

test("fills in what it knows and leaves a shell's variables alone", () => {
  expect(fill('$NODE $VOL_DIR "$NODE:80"', { NODE: "192.0.2.1" })).toBe('192.0.2.1 $VOL_DIR "192.0.2.1:80"');
});

const names = [
  "NODE",
  "DNS_SERVICE",
  "VOLUMES",
  "FORWARD",
  "CONFIG_HASH",
  "INGRESS_CERTIFICATE",
  "INGRESS_KEY",
  "PEBBLE_CA",
  "PEBBLE_CERTIFICATE",
  "PEBBLE_KEY",
];
// The domain is part of larger words.
const values = { DOMAIN: "apps.test", ...Object.fromEntries(names.map((name) => [name, `"${name.toLowerCase()}"`])) };
const filled = fill(`${systemYaml}\n---\n${certificatesYaml}`, values);

test("the manifest is YAML with one default class of each kind", () => {
  const objects = Bun.YAML.parse(filled) as { kind: string; metadata: { annotations?: Record<string, string> } }[];
  const defaults = objects.filter(({ metadata }) => Object.keys(metadata.annotations ?? {}).some((key) => key.endsWith("/is-default-class")));
  expect(defaults.map(({ kind }) => kind).toSorted()).toEqual(["IngressClass", "StorageClass"]);
});

test("no add-on is cluster-admin", () => {
  expect(filled).not.toContain("cluster-admin");
  expect(filled).not.toContain('"*"');
});

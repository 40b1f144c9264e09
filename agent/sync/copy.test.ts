import { expect, test } from "bun:test";
import { type Copy, copyOf, decide, readCopy, sourceOf, type Verdict } from "./copy.ts";

const source = sourceOf("Opaque", { "ca.crt": btoa("the CA") });
const place = { namespace: "shop", name: "davit-trust" };

/** The copy as the API server has it after davit wrote it. */
async function written(change: Partial<Copy> = {}): Promise<Copy> {
  const object = await copyOf(source, place);
  const managedFields = [{ manager: "davit", operation: "Apply" }, { manager: "kubectl-edit" }];
  return { ...readCopy({ ...object, metadata: { ...object.metadata, uid: "1", managedFields } }), ...change };
}

test.each<[string, Partial<Copy>, Verdict]>([
  ["is as it was written", {}, "keep"],
  ["was edited", { intact: false }, "update"],
  ["holds an older version", { version: "older" }, "update"],
  ["is of another type", { type: "kubernetes.io/tls" }, "recreate"],
  ["cannot be changed any more", { immutable: true }, "recreate"],
  ["has got something added", { keys: ["ca.crt", "more"] }, "recreate"],
  ["is somebody else's", { own: false }, "foreign"],
  ["is somebody else's and of another type", { own: false, type: "kubernetes.io/tls" }, "foreign"],
])("a copy that %s", async (_, change, verdict) => {
  expect(decide(source, await written(change))).toBe(verdict);
});

test("what is not there is made, and without a source nothing is done", async () => {
  expect(decide(source, undefined)).toBe("create");
  expect(decide(undefined, undefined)).toBe("keep");
  expect(decide(undefined, await written({ intact: false }))).toBe("keep");
});

test("an edit of the content or the labels is seen, and so is who made the object", async () => {
  const object = await copyOf(source, place);
  const metadata = { ...object.metadata, managedFields: [{ manager: "davit" }] };
  expect(readCopy({ ...object, metadata })).toMatchObject({ own: true, intact: true, version: source.version });
  expect(readCopy({ ...object, metadata, data: { "ca.crt": btoa("another") } }).intact).toBe(false);
  expect(readCopy({ ...object, metadata: { ...metadata, labels: {} } })).toMatchObject({ own: true, intact: false });
  expect(readCopy({ ...object, metadata: { ...metadata, managedFields: [{ manager: "helm" }] } }).own).toBe(false);
});

test("the same content is the same version, in whatever order", () => {
  const data = { "tls.crt": "YQ==", "tls.key": "Yg==" };
  expect(sourceOf("kubernetes.io/tls", data).version).toBe(sourceOf("kubernetes.io/tls", { "tls.key": "Yg==", "tls.crt": "YQ==" }).version);
  expect(sourceOf("kubernetes.io/tls", { ...data, "tls.key": "Yw==" }).version).not.toBe(sourceOf("kubernetes.io/tls", data).version);
});

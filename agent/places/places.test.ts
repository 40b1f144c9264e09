import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RegistryPlace, S3Place } from "#shared/places";
import { Secret } from "#shared/secret";
import { type ExternalRegistry, startExternalRegistry } from "#test/external";
import { startVersity, type TestStore } from "#test/versity";
import { checkRegistry } from "./check-registry.ts";
import { checkS3 } from "./check-s3.ts";

let s3: TestStore;
let registry: ExternalRegistry;
beforeAll(async () => {
  [s3, registry] = await Promise.all([startVersity(), startExternalRegistry({ login: { user: "ci", password: "pass" } })]);
}, 60_000);
afterAll(async () => {
  await Promise.all([s3, registry].map((server) => server[Symbol.asyncDispose]()));
});

const key = (accessKey: string, secretKey: string) => ({ accessKey: new Secret(accessKey), secretKey: new Secret(secretKey) });

describe("an S3 store", () => {
  test("that serves is found well, its bucket is made, and nothing stays in it", async () => {
    expect(await checkS3({ ...s3.place, bucket: "made-by-the-check" })).toBeUndefined();
    expect(await s3.store.list("check/")).toEqual([]);
  });

  test("is one cluster's: another's davit is refused, the same one may come again", async () => {
    const place = { ...s3.place, bucket: "owned" };
    expect(await checkS3(place, "cluster-a")).toBeUndefined();
    expect(await checkS3(place, "cluster-a")).toBeUndefined();
    expect(await checkS3(place, "cluster-b")).toMatchObject({ place: "s3", reason: "taken", detail: expect.stringContaining("cluster-a") });
    expect(await checkS3(place)).toBeUndefined();
  });

  test.each<[string, Partial<S3Place>]>([
    ["login", { credentials: key("test", "other") }],
    ["login", { credentials: key("nobody", "test-secret") }],
    ["region", { region: "eu-west-1" }],
    ["certificate", { ca: "" }],
    ["unreachable", { endpoint: new URL("https://127.0.0.1:1") }],
    ["unreachable", { pathStyle: false }],
  ])(
    "that does not serve for its %s is said to, without the key: %o",
    async (reason, wrong) => {
      const problem = await checkS3({ ...s3.place, ...wrong });
      expect(problem).toMatchObject({ place: "s3", reason });
      expect(problem?.detail).not.toContain("test-secret");
    },
    30_000,
  );
});

describe("a registry", () => {
  test("that serves is found well, at any depth", async () => {
    expect(await checkRegistry(registry.place)).toBeUndefined();
    expect(await checkRegistry({ ...registry.place, prefix: "some/where" })).toBeUndefined();
  });

  test("that deletes nothing serves too, and so does one in clear for everybody", async () => {
    await using open = await startExternalRegistry({ tls: false, deletes: false });
    expect(await checkRegistry(open.place)).toBeUndefined();
  });

  test.each<[string, Partial<RegistryPlace>]>([
    ["login", { login: { user: "ci", password: new Secret("other") } }],
    ["login", { login: undefined }],
    ["certificate", { ca: "" }],
    ["unreachable", { host: "127.0.0.1:1" }],
  ])("that does not serve for its %s is said to, without the password: %o", async (reason, wrong) => {
    const problem = await checkRegistry({ ...registry.place, ...wrong });
    expect(problem).toMatchObject({ place: "registry", reason });
    expect(problem?.detail).not.toContain("pass");
  });
});

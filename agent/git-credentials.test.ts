import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { faultOf } from "#shared/source/testing/temp-tree";
import { type ControlPlane, startControlPlane } from "#test/control-plane";
import { createGitCredential, deleteGitCredential, listGitCredentials, pickCredential } from "./git-credentials.ts";

/** A real API server; each test has a namespace of its own. */
let plane: ControlPlane;
let kube: Kube;

beforeAll(async () => {
  plane = await startControlPlane();
  kube = plane.admin;
}, 90_000);
afterAll(async () => await plane[Symbol.asyncDispose]());

async function namespace(name: string): Promise<string> {
  await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  return name;
}

const WORK = { host: "git.example.com:8443", username: "ann", password: "correct horse", ca: "-----BEGIN CERTIFICATE-----\n" };
const HUB = { host: "github.com", username: "git", password: "token" };
const source = (url: string, credential?: string) => ({ kind: "git" as const, url, ...(credential === undefined ? {} : { credential }) });

test("credentials are kept as Secrets, listed without what is secret, and deleted", async () => {
  const here = await namespace("kept");
  await createGitCredential(kube, here, "work", WORK);
  await createGitCredential(kube, here, "hub", HUB);
  const listed = await listGitCredentials(kube, here);
  expect(listed.map(({ name, host, username }) => [name, host, username])).toEqual([
    ["hub", "github.com", "git"],
    ["work", "git.example.com:8443", "ann"],
  ]);
  expect(JSON.stringify(listed)).not.toContain("horse");
  const secret = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: here, name: "git-credential-work" });
  expect(JSON.stringify(secret?.metadata)).not.toContain("horse");
  await deleteGitCredential(kube, here, "work");
  expect((await listGitCredentials(kube, here)).map(({ name }) => name)).toEqual(["hub"]);
  expect((await faultOf(deleteGitCredential(kube, here, "work"))).code).toBe("credential_not_found");
});

test("a name is taken once; the very same request is no second one", async () => {
  const here = await namespace("taken");
  await createGitCredential(kube, here, "work", WORK);
  expect((await createGitCredential(kube, here, "work", WORK)).host).toBe(WORK.host);
  for (const other of [{ ...WORK, password: "other" }, { ...WORK, host: "github.com" }, HUB])
    expect((await faultOf(createGitCredential(kube, here, "work", other))).code).toBe("credential_exists");
});

test("a push gets the credential of its host and port, and no other", async () => {
  const here = await namespace("picked");
  await createGitCredential(kube, here, "work", WORK);
  expect(await pickCredential(kube, here, source("https://git.example.com:8443/a/b.git"))).toEqual({ ...WORK, name: "work" });
  expect(await pickCredential(kube, here, source("https://GIT.example.com:8443/a/b.git", "work"))).toEqual({ ...WORK, name: "work" });
  for (const url of ["https://git.example.com/a", "https://github.com/a", "https://git.example.com.evil.com:8443/a"]) {
    expect(await pickCredential(kube, here, source(url))).toBeUndefined();
    expect(await faultOf(pickCredential(kube, here, source(url, "work")))).toMatchObject({
      code: "usage",
      message: expect.stringContaining("no other host"),
    });
  }
  expect((await faultOf(pickCredential(kube, here, source("https://github.com/a", "none")))).code).toBe("credential_not_found");
});

test("of several for one host one has to be named", async () => {
  const here = await namespace("several");
  for (const name of ["one", "two"]) await createGitCredential(kube, here, name, HUB);
  expect(await faultOf(pickCredential(kube, here, source("https://github.com/a")))).toMatchObject({
    code: "usage",
    message: expect.stringContaining("one, two"),
  });
  expect((await pickCredential(kube, here, source("https://github.com/a", "two")))?.name).toBe("two");
});

test("a Secret that somebody else has labelled or broken is no credential", async () => {
  const here = await namespace("foreign");
  const labels = { "davit.dev/git-credential": "mine" };
  const data = { host: btoa("github.com"), username: btoa("u"), password: btoa("p") };
  await kube.create({ apiVersion: "v1", kind: "Secret", metadata: { name: "any-name", namespace: here, labels }, data } as V1Secret);
  await kube.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "git-credential-mine", namespace: here, labels },
    data: { host: data.host },
  } as V1Secret);
  expect(await listGitCredentials(kube, here)).toEqual([]);
  expect((await faultOf(pickCredential(kube, here, source("https://github.com/a", "mine")))).code).toBe("credential_not_found");
  expect((await faultOf(createGitCredential(kube, here, "mine", HUB))).code).toBe("credential_exists");
});

import { expect } from "bun:test";
import { api, type DavitClient } from "#shared/api";
import { Fault, toFault } from "#shared/fault";
import { encodeFrame, sha256 } from "#shared/pack";
import { client } from "#shared/rpc-client";
import { type TreeEntry, treeId } from "#shared/tree";
import { kubectl, type TestTenant, tenant } from "#test/lab";
import { door, member } from "#test/member";

/** Speaks to the agent without davit's CLI, whose checks it does not have. */
export interface Attacker {
  client: DavitClient;
  /** One request as it is given, path and all. */
  raw(method: string, path: string, options?: { headers?: Record<string, string>; body?: Uint8Array<ArrayBuffer> | string }): Promise<Response>;
}

export async function attacker(token: string): Promise<Attacker> {
  const { url, ca } = await door();
  const raw: Attacker["raw"] = (method, path, { headers = {}, body } = {}) =>
    fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      tls: { ca },
      ...(body === undefined ? {} : { body }),
    });
  return { raw, client: client(api, (path, request) => raw(request.method, path, request)) };
}

/** Runs the attack as a developer of a namespace; afterwards the same agent serves, never restarted, and the namespace has nothing of davit's. */
export async function attack(name: string, work: (attacker: Attacker, space: TestTenant) => Promise<void>): Promise<void> {
  await using space = await tenant(name);
  using dev = await member(space.name, "davit-developer");
  const before = await agentPods();
  await work(await attacker(dev.token), space);
  expect(await agentPods()).toBe(before);
  expect(await kubectl("get", "apps.davit.dev,revisions.davit.dev,deployments,services,ingresses,pods", "-n", space.name, "-o", "name")).toBe("");
}

/** The agent's Pods, and how often each was restarted. */
async function agentPods(): Promise<string> {
  const columns = "custom-columns=NAME:.metadata.name,RESTARTS:.status.containerStatuses[*].restartCount";
  return await kubectl("get", "pods", "-n", "davit", "-l", "app.kubernetes.io/component=agent", "-o", columns);
}

/** The fault that a call ends with. @throws Error when it ends well */
export async function faultOf(call: Promise<unknown>): Promise<Fault> {
  const answer = await call.then(
    (value) => ({ value }),
    (error) => toFault(error),
  );
  if (answer instanceof Fault) return answer;
  throw new Error(`it was answered well: ${JSON.stringify(answer.value)}`);
}

/** A file's entry and the chunk that it is made of. */
export function file(path: string, content: string): { entry: Extract<TreeEntry, { kind: "file" }>; frame: Uint8Array } {
  const raw = new TextEncoder().encode(content);
  const digest = sha256(raw);
  return { entry: { kind: "file", path, mode: 0o644, size: raw.length, chunks: [digest] }, frame: encodeFrame(digest, raw) };
}

/** An upload of these entries under the id that they have. */
export function upload(entries: TreeEntry[]): { tree: string; entries: TreeEntry[] } {
  return { tree: treeId(entries), entries };
}

export function packOf(...frames: Uint8Array[]): { pack: string; body: Uint8Array<ArrayBuffer> } {
  const body = new Uint8Array(Buffer.concat(frames));
  return { pack: sha256(body), body };
}

/** A frame whose header says what it is told to, whatever comes behind it. */
export function lyingFrame(digest: string, size: number, stored: Uint8Array, storedSize = stored.length): Uint8Array {
  const frame = Buffer.alloc(40 + stored.length);
  frame.write(digest, 0, "hex");
  frame.writeUInt32BE(size, 32);
  frame.writeUInt32BE(storedSize, 36);
  frame.set(stored, 40);
  return frame;
}

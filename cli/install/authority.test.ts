import { expect, test } from "bun:test";
import { newAuthority } from "#shared/tls/signing";
import { type Authority, successorOf } from "./authority.ts";

const make = async (given: boolean): Promise<Authority> => {
  const { certificate, key } = await newAuthority();
  return { data: { "tls.crt": certificate, "tls.key": key.reveal() }, given };
};
const [own, brought, other] = [await make(false), await make(true), await make(true)];

test("a CA stays until the admin brings another one, or wants davit's own again", () => {
  expect(successorOf(own, undefined, undefined, undefined)).toBeUndefined();
  expect(successorOf(own, undefined, { kind: "private-ca" }, undefined)).toBeUndefined();
  expect(successorOf(own, undefined, { kind: "given-ca" }, brought.data)).toEqual(brought);
  expect(successorOf(brought, undefined, { kind: "given-ca" }, brought.data)).toBeUndefined();
  expect(successorOf(brought, undefined, { kind: "given-ca" }, other.data)).toEqual(other);
  expect(successorOf(brought, undefined, { kind: "selfsigned" }, undefined)).toBeUndefined();
  expect(successorOf(brought, undefined, { kind: "private-ca" }, undefined)).toBe("own");
});

test("a replacement that was interrupted goes on, unless something else is wanted meanwhile", () => {
  expect(successorOf(own, brought, { kind: "given-ca" }, undefined)).toEqual(brought);
  expect(successorOf(own, brought, { kind: "given-ca" }, other.data)).toEqual(other);
  expect(successorOf(brought, brought, { kind: "given-ca" }, undefined)).toBeUndefined();
  expect(successorOf(brought, own, { kind: "private-ca" }, undefined)).toEqual(own);
  expect(successorOf(own, brought, { kind: "private-ca" }, undefined)).toBe("own");
});

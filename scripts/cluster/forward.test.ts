import { expect, test } from "bun:test";
import { freePorts } from "./forward.ts";

test("the usual ports when they are free", () => {
  expect(freePorts(true, () => true)).toEqual({ http: 80, https: 443 });
});

test("the next free ones when they are not", () => {
  const taken = [80, 8080, 443];
  expect(freePorts(true, (port) => !taken.includes(port))).toEqual({ http: 8081, https: 8443 });
});

test("not the usual ones for a cluster that shall leave them free", () => {
  expect(freePorts(false, () => true)).toEqual({ http: 8080, https: 8443 });
});

test("none at all is said", () => {
  expect(() => freePorts(true, () => false)).toThrow("no loopback port");
});

import { expect, test } from "bun:test";
import type { Credential } from "#shared/registry/credential";
import { grant, parseScopes, tokenSeconds } from "./token.ts";

const build: Credential = { kind: "build", repository: "shop/cart" };
const pull: Credential = { kind: "pull", namespace: "shop" };
const agent: Credential = { kind: "agent", access: [{ repository: "shop/cart", actions: ["pull", "delete", "push"] }] };

test.each([
  [build, "repository:shop/cart:pull,push", "shop/cart:pull,push"],
  [build, "repository:shop/cart/cache:push,pull", "shop/cart/cache:push,pull"],
  [build, "repository:shop/cart:delete,*", ""],
  [build, "repository:shop/cart2:pull", ""],
  [build, "repository:shop/cart/other:pull", ""],
  [build, "repository:shop/other:pull,push", ""],
  [build, "repository:shop:pull", ""],
  [build, "registry:catalog:*", ""],
  [build, "repository:shop/cart:pull,push repository:bank/ledger:pull", "shop/cart:pull,push"],
  [pull, "repository:shop/cart:pull", "shop/cart:pull"],
  [pull, "repository:shop/cart:pull,push,delete", "shop/cart:pull"],
  [pull, "repository:bank/ledger:pull", ""],
  [pull, "repository:shop:pull", ""],
  [pull, "repository:shopping/cart:pull", ""],
  [agent, "repository:shop/cart:pull,push,delete", "shop/cart:pull,delete"],
  [agent, "repository:shop/other:pull", ""],
] as const)("%j asking %s gets '%s'", (credential, asked, granted) => {
  const access = grant(credential, parseScopes([asked]));
  expect(access.map((entry) => `${entry.name}:${entry.actions.join(",")}`).join(" ")).toBe(granted);
});

test("scopes come in several parameters or in one, and what is none is left out", () => {
  expect(parseScopes(["repository:a/b:pull repository:c/d:push,pull", "repository:host:5000/x:pull"])).toEqual([
    { type: "repository", name: "a/b", actions: ["pull"] },
    { type: "repository", name: "c/d", actions: ["push", "pull"] },
    { type: "repository", name: "host:5000/x", actions: ["pull"] },
  ]);
  expect(parseScopes(["", "nonsense", "repository:a", "repository::pull", ":a:pull", "repository:a:"])).toEqual([]);
});

test("a token ends with its credential at the latest", () => {
  expect(tokenSeconds(1000)).toBe(300);
  expect(tokenSeconds(1000, 9000)).toBe(300);
  expect(tokenSeconds(1000, 1040)).toBe(40);
});

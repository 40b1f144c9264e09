import { expect, test } from "bun:test";
import { readProxies } from "./proxy.ts";

test("only what was said changes, and '' takes a proxy away", () => {
  expect(readProxies({})).toEqual({});
  expect(readProxies({ http: "", https: "http://me:p%40ss@proxy.test:3128/", none: " .a.test, 10.0.0.0/8,,[fd00::1]:443 " })).toEqual({
    http: "",
    https: "http://me:p%40ss@proxy.test:3128",
    none: ".a.test,10.0.0.0/8,[fd00::1]:443",
  });
});

test("a URL that is none is not shown, for there may be a password in it", () => {
  const read = () => readProxies({ https: "me:secret@proxy.test" });
  expect(read).toThrow(expect.objectContaining({ code: "usage", message: expect.not.stringContaining("secret") }));
});

import { expect, test } from "bun:test";
import { Proxies, proxiesFrom, proxyFor, proxyTexts, proxyVariables } from "./proxy.ts";

const [http, https] = ["http://proxy.test:3128", "http://ann:secret@proxy.test:3129"];
const proxies = (none: string) => Proxies.parse({ http, https, none });

test("each scheme has its proxy, and without one it is reached directly", () => {
  expect(proxyFor(new URL("http://a.test/"), proxies(""))?.reveal()).toBe(http);
  expect(proxyFor(new URL("https://a.test/"), proxies(""))?.reveal()).toBe(https);
  expect(proxyFor(new URL("http://a.test/"), Proxies.parse({ http: "", https, none: "" }))).toBeUndefined();
});

test.each([
  ["example.com", ["example.com", "git.example.com"], ["badexample.com", "example.com.evil.test"]],
  [".example.com", ["git.example.com", "example.com"], ["badexample.com"]],
  ["*.Example.com", ["git.example.com"], ["other.com"]],
  ["a.test:8443", ["a.test:8443"], ["a.test", "a.test:8080"]],
  ["a.test:443", ["a.test"], ["a.test:8443"]],
  ["10.0.0.0/8", ["10.1.2.3", "10.1.2.3:8443"], ["11.1.2.3", "ten.test"]],
  ["192.0.2.7", ["192.0.2.7"], ["192.0.2.70"]],
  ["192.0.2.7:8443", ["192.0.2.7:8443"], ["192.0.2.7"]],
  ["fd00::/8", ["[fd00::1]:8443"], ["[fe00::1]", "10.0.0.1"]],
  ["::1", ["[::1]"], ["[::2]"]],
  ["*", ["a.test", "10.0.0.1"], []],
  ["", [], ["a.test"]],
  [" a.test , b.test,", ["a.test", "b.test"], ["c.test"]],
])("'%s' excepts some hosts and no others", (none, direct, proxied) => {
  const way = (host: string) => proxyFor(new URL(`https://${host}/x`), proxies(none));
  expect(direct.map((host) => [host, way(host)?.reveal()])).toEqual(direct.map((host) => [host, undefined]));
  expect(proxied.map((host) => [host, way(host)?.reveal()])).toEqual(proxied.map((host) => [host, https]));
});

test("what is inside a cluster is reached directly, whatever an admin excepts", () => {
  const kept = proxiesFrom({ https, none: "a.test", ranges: "10.244.0.0/16,10.96.0.0/12" }, "10.0.0.1");
  const way = (host: string) => proxyFor(new URL(`https://${host}/`), kept)?.reveal();
  expect(["s3.davit.svc.cluster.local:7070", "registry.davit.svc", "localhost", "10.244.3.4", "10.96.0.7", "10.0.0.1", "a.test"].map(way)).toEqual(
    Array(7).fill(undefined),
  );
  expect(way("b.test")).toBe(https);
});

test("other programs are told in both spellings, or not at all", () => {
  expect(proxyVariables(Proxies.parse({ http: "", https, none: ".svc" }))).toEqual({
    HTTPS_PROXY: https,
    https_proxy: https,
    NO_PROXY: ".svc",
    no_proxy: ".svc",
  });
  expect(proxyVariables(Proxies.parse({ http: "", https: "", none: ".svc" }))).toEqual({});
});

test("their passwords do not show themselves", () => {
  expect(`${JSON.stringify(proxies(""))}${Bun.inspect(proxies(""))}`).not.toContain("secret@");
  expect(proxyTexts(proxies("")).https).toBe(https);
});

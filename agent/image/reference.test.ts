import { expect, test } from "bun:test";
import { ImageRef } from "#shared/app";
import { apiOf, byDigest, byTag, parseImage } from "./reference.ts";

const digest = `sha256:${"0a".repeat(32)}`;

test.each([
  ["nginx", "docker.io/library/nginx:latest"],
  ["nginx:1.27", "docker.io/library/nginx:1.27"],
  ["oven/bun:1", "docker.io/oven/bun:1"],
  ["docker.io/nginx", "docker.io/library/nginx:latest"],
  ["index.docker.io/oven/bun", "docker.io/oven/bun:latest"],
  ["registry-1.docker.io/library/nginx:1", "docker.io/library/nginx:1"],
  ["ghcr.io/team/shop:1.2-rc.1", "ghcr.io/team/shop:1.2-rc.1"],
  ["registry.example.com:5000/shop", "registry.example.com:5000/shop:latest"],
  ["registry:5000/shop:2", "registry:5000/shop:2"],
  ["localhost/shop", "localhost/shop:latest"],
  ["LAB/shop", "LAB/shop:latest"],
  ["10.0.0.7:5000/a/b__c/d-e.f:v_1", "10.0.0.7:5000/a/b__c/d-e.f:v_1"],
  [`nginx@${digest}`, "docker.io/library/nginx:latest"],
])("%s is %s to a node", (text, full) => {
  expect(ImageRef.safeParse(text).success).toBe(true);
  expect(byTag(parseImage(text))).toBe(full);
});

test("a digest counts more than the tag beside it", () => {
  const reference = parseImage(`quay.io/team/shop:1.2@${digest}`);
  expect(reference).toEqual({ registry: "quay.io", repository: "team/shop", tag: "1.2", digest });
  expect(byDigest(reference, digest)).toBe(`quay.io/team/shop@${digest}`);
});

test("Docker Hub's API is not where its name says", () => {
  expect(apiOf("docker.io").href).toBe("https://registry-1.docker.io/");
  expect(apiOf("registry.example.com:5000").href).toBe("https://registry.example.com:5000/");
});

test.each([
  "",
  "Nginx",
  "team/Shop",
  "https://ghcr.io/team/shop",
  "ghcr.io/",
  "/shop",
  "shop:",
  "shop:-1",
  "a//b",
  "a/../b",
  "../a",
  "shop@sha256:short",
  `shop@sha256:${"A".repeat(64)}`,
  "user@ghcr.io/team/shop",
  "shop?x=1",
  "shop 1",
  "ghcr.io:port/shop",
  `shop:${"x".repeat(129)}`,
])("'%s' is no image", (text) => expect(ImageRef.safeParse(text).success).toBe(false));

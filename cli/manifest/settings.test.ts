import { describe, expect, test } from "bun:test";
import { parseManifest } from "./parse.ts";
import { ManifestDocument } from "./schema.ts";

const read = (text: string) => parseManifest(text, { path: "/code/shop/epinio.yml", shown: "epinio.yml" });

/** As `epinio app manifest` writes it. */
const WHOLE = `
name: shop
namespace: workspace
staging:
  builder: paketobuildpacks/builder-jammy-full:0.3.290
origin:
  git:
    url: https://git.test/team/shop
    revision: 8e2e0b5
    branch: main
    provider: github
    gitconfig: team-bot
configuration:
  instances: 2
  configurations: [mail]
  routes: [https://shop.test, a.test/shop]
  environment:
    LOG: debug
    RATE: 1.50
  appchart: standard
`;

describe("Epinio's epinio.yml", () => {
  test("is read as it is, and what davit does not use is told", () => {
    expect(read(WHOLE)).toEqual([
      {
        settings: {
          name: "shop",
          namespace: "workspace",
          source: { kind: "git", url: "https://git.test/team/shop", revision: "8e2e0b5", credential: "team-bot" },
          instances: 2,
          configurations: ["mail"],
          routes: ["shop.test", "a.test/shop"],
          env: { LOG: "debug", RATE: "1.50" },
        },
        notices: [
          "staging.builder is not used: davit builds the source's Dockerfile",
          "origin.git.provider is not used: davit speaks to every git server in the same way",
          "configuration.appchart is not used: davit has no app charts",
        ],
      },
    ]);
  });

  test.each([
    ["origin: {path: ../api}", { source: { kind: "path", root: "/code/api" } }],
    ["origin: {path: api.tar, archive: true}", { source: { kind: "path", root: "/code/shop/api.tar" } }],
    ["origin: {container: a.test/b:1}", { source: { kind: "image", image: "a.test/b:1" } }],
    ["origin: {git: {url: https://a.test/x, branch: dev}}", { source: { kind: "git", url: "https://a.test/x", revision: "dev" } }],
    ["origin: {}\nconfiguration: {}\nstaging: {}", {}],
    ["configuration: {routes: [], environment: {}, configurations: []}\nport: 80", { routes: [], env: {}, configurations: [], port: 80 }],
  ])("%j", (text, settings) => {
    expect(read(text)).toEqual([{ settings: settings as never, notices: [] }]);
  });

  test.each(["settings: {a: 1}", "services: [db]", "ignore: [x]", "replace_env: true", "environment_grouped: {}"])(
    "configuration.%s has no meaning here, and that is said",
    (key) => {
      const [app] = read(`configuration: {${key}}`);
      expect(app).toEqual({ settings: {}, notices: [expect.stringMatching(new RegExp(`^configuration\\.${key.split(":")[0]} is not used: `))] });
    },
  );

  test.each([
    ["origin: {path: a, container: b}", "origin has path and container, which cannot be given together"],
    ["origin: {archive: maybe}", "origin.archive has to be true or false"],
    ["origin: {git: {branch: a}}", "origin.git.url is missing"],
    ["configuration: {instances: -1}", "configuration.instances has to be a whole number from 0 to 100"],
    ["configuration: {env: {}}", "the key 'env' is not known; configuration has instances"],
    ["configuration: {enviroment: {}}", "did you mean 'environment'?"],
    ["staging: {image: x}", "the key 'image' is not known; staging has builder"],
    ["source: {path: a}\norigin: {path: b}", "2:9: origin says the same as 'source': keep one of them"],
    ["routes: []\nconfiguration: {routes: []}", "2:25: configuration.routes says the same as 'routes': keep one of them"],
    ["instances: 1\nconfiguration: {instances: 1}", "says the same as 'instances'"],
    ["env: {}\nconfiguration: {environment: {}}", "says the same as 'env'"],
    ["configurations: []\nconfiguration: {configurations: []}", "says the same as 'configurations'"],
  ])("%j is refused", (text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: "manifest_invalid", message: expect.stringContaining(message) }));
  });
});

test("no key of the schema is without a description", () => {
  const missing = Object.entries(ManifestDocument.shape).filter(([, value]) => !value.description);
  expect(missing.map(([key]) => key)).toEqual([]);
});

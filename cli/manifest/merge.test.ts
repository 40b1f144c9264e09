import { describe, expect, test } from "bun:test";
import { type AppSettings, mergePlan, type Origins } from "./merge.ts";

const folder = { kind: "path", root: "/code" } as const;
const image = { kind: "image", image: "a:1" } as const;
const manifest: AppSettings = {
  name: "shop",
  namespace: "team",
  source: folder,
  routes: ["shop.test"],
  instances: 2,
  port: 80,
  env: { A: "1", B: "1" },
  configurations: ["mail"],
  buildArgs: { V: "1", W: "1" },
};

describe("mergePlan", () => {
  test("nothing said is nothing asked", () => {
    expect(mergePlan({}, {})).toEqual({ settings: {}, origins: { env: {}, buildArgs: {}, configurations: {} } });
  });

  test.each<[keyof AppSettings, AppSettings, unknown]>([
    ["name", { name: "other" }, "other"],
    ["namespace", { namespace: "other" }, "other"],
    ["source", { source: image }, image],
    ["routes", { routes: [] }, []],
    ["instances", { instances: 0 }, 0],
    ["port", { port: 1 }, 1],
  ])("a flag wins over the manifest: %s", (key, flags, value) => {
    const { settings, origins } = mergePlan(flags, manifest);
    expect(settings).toEqual({ ...manifest, [key]: value });
    expect(origins).toEqual({ ...mergePlan({}, manifest).origins, [key]: "flag" });
  });

  test("what only one says comes from that one", () => {
    const origins: Origins = {
      ...Object.fromEntries(["name", "namespace", "source", "routes", "instances", "port"].map((key) => [key, "manifest"])),
      env: { A: "manifest", B: "manifest" },
      buildArgs: { V: "manifest", W: "manifest" },
      configurations: { mail: "manifest" },
    };
    expect(mergePlan({}, manifest)).toEqual({ settings: manifest, origins });
  });

  test("variables are taken one by one, and a flag can take away what the manifest sets", () => {
    const { settings, origins } = mergePlan({ env: { B: null, C: "3" }, buildArgs: { W: "2" } }, manifest);
    expect(settings.env).toEqual({ A: "1", B: null, C: "3" });
    expect(settings.buildArgs).toEqual({ V: "1", W: "2" });
    expect(origins.env).toEqual({ A: "manifest", B: "flag", C: "flag" });
    expect(origins.buildArgs).toEqual({ V: "manifest", W: "flag" });
  });

  test("--bind adds to the manifest's configurations", () => {
    const { settings, origins } = mergePlan({ bind: ["db"] }, manifest);
    expect([settings.configurations, settings.bind]).toEqual([["mail"], ["db"]]);
    expect(origins.configurations).toEqual({ mail: "manifest", db: "flag" });
  });
});

import { expect, test } from "bun:test";
import type { InstalledOptions } from "../install/options.ts";
import { checkGiven } from "./prepare.ts";

const installed = { s3: { endpoint: "https://s3.test", bucket: "davit" } } as InstalledOptions;

test("a login is for an external place: what is built in makes its own", () => {
  checkGiven({ s3: { accessKey: "a" } }, installed);
  checkGiven({}, {});
  expect(() => checkGiven({ s3: { accessKey: "a" } }, {})).toThrow(/`davit rotate s3` takes none/);
  expect(() => checkGiven({ registry: { user: "a" } }, installed)).toThrow(/`davit rotate registry` takes none/);
});

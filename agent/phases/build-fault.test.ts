import { expect, test } from "bun:test";
import { buildFault } from "./build-fault.ts";

test("kaniko's last words decide what kind of failure a build is", () => {
  const cases: [number, string[], string][] = [
    [
      1,
      [
        'level=info msg="RUN make"',
        "make: *** No rule",
        "error building image: error building stage: failed to execute command: waiting for process to exit: exit status 2",
      ],
      "build_failed",
    ],
    [
      1,
      ["Killed", "error building image: error building stage: failed to execute command: waiting for process to exit: exit status 137"],
      "build_oom",
    ],
    [137, [], "build_oom"],
    [1, ["error building image: parsing dockerfile: dockerfile parse error on line 2: unknown instruction: FROBNICATE"], "dockerfile_invalid"],
    [1, ["error building image: GET http://mirror/v2/a/manifests/9: MANIFEST_UNKNOWN: manifest unknown"], "base_image_missing"],
    [
      1,
      ['error building image: unable to complete operation after 0 attempts, last error: Get "https://registry.example/v2/": dial tcp: no such host'],
      "base_image_missing",
    ],
    [
      1,
      ['level=info msg="Pushing image to registry/a/b:1"', "error pushing image: failed to push: unable to complete operation after 2 attempts"],
      "registry_unavailable",
    ],
    [2, [], "build_failed"],
  ];
  for (const [exit, lines, code] of cases) expect({ lines, code: buildFault(exit, lines).code as string }).toEqual({ lines, code });
});

test("the fault quotes the log for the CLI to show", () => {
  expect(buildFault(1, ["one", "two"]).details).toEqual({ exit: "1", log: "one\ntwo" });
});

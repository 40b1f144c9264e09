import { expect, test } from "bun:test";
import { definitions, servedPaths } from "./crds.ts";

const crd = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: xs.example.com }
spec:
  schema:
    description: Pages of prose.
    properties:
      description: { type: string, description: A field that is called so. }
    required: [description]
`;

test("the prose goes, a field called description stays", () => {
  expect(JSON.parse(definitions([crd])).spec.schema).toEqual({ properties: { description: { type: "string" } }, required: ["description"] });
});

test("several files make one manifest, with nothing in it but definitions", () => {
  const manifest = definitions([crd, "kind: ValidatingAdmissionPolicy", crd]);
  expect((Bun.YAML.parse(manifest) as { kind: string }[]).map(({ kind }) => kind)).toEqual(["CustomResourceDefinition", "CustomResourceDefinition"]);
});

test("what is served is known from the definitions", () => {
  const versions = [
    { name: "v1", served: true },
    { name: "v1beta1", served: false },
  ];
  const definition = (plural: string): string => JSON.stringify({ spec: { group: "example.com", names: { plural }, versions } });
  expect(servedPaths([definition("xs"), definition("ys")].join("\n---\n"))).toEqual(["/apis/example.com/v1/xs", "/apis/example.com/v1/ys"]);
});

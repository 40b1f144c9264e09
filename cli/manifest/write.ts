import { stringify } from "yaml";
import type { z } from "zod";
import type { AppManifest } from "#shared/app";
import type { ManifestDocument } from "./schema.ts";

/** An app as a document of davit.yml: pushed as it is, it changes nothing. Where the code is, only a reader knows. */
export function documentOf(place: { name: string; namespace: string }, app: AppManifest): z.input<typeof ManifestDocument> {
  const { env, configurations, buildArgs, routes, instances, port } = app;
  return {
    ...place,
    source: sourceOf(app.source),
    routes,
    instances,
    port,
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(configurations.length > 0 ? { configurations } : {}),
    ...(Object.keys(buildArgs).length > 0 ? { buildArgs } : {}),
  };
}

function sourceOf(source: AppManifest["source"]): z.input<typeof ManifestDocument>["source"] {
  switch (source.kind) {
    case "tree":
      return { path: "." };
    case "git": {
      const { kind: _, ...git } = source;
      return { git };
    }
    case "image":
      return { image: source.image };
  }
}

/** The document as YAML that reads back as it is, also by a parser that sees numbers and booleans in it. */
export function writeDocument(document: object): string {
  return stringify(document, { lineWidth: 0 }).trimEnd();
}

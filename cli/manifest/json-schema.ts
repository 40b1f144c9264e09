import { z } from "zod";
import { ManifestDocument } from "./schema.ts";

/** The JSON Schema by which editors check and complete a davit.yml: docs/davit.schema.json. */
export function manifestJsonSchema(): object {
  return { title: "davit.yml", description: "An app that `davit push` pushes.", ...z.toJSONSchema(ManifestDocument, { target: "draft-7" }) };
}

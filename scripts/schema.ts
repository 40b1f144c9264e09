import { join } from "node:path";
import { manifestJsonSchema } from "../cli/manifest/json-schema.ts";

// docs/davit.schema.json is made from the schema that reads manifests; a test says when it is no longer the same.
await Bun.write(join(import.meta.dir, "../docs/davit.schema.json"), `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);

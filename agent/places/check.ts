import { readFile } from "node:fs/promises";
import { CheckOrder, type CheckReport } from "#shared/places";
import { checkRegistry } from "./check-registry.ts";
import { checkS3 } from "./check-s3.ts";
import { ORDER_FILE } from "./order-file.ts";

/** `davit agent check`: tries out the places that its order names, from where the agent will use them. */
export async function check(): Promise<CheckReport> {
  const { cluster, s3, registry } = CheckOrder.parse(JSON.parse(await readFile(ORDER_FILE, "utf8")));
  const found = await Promise.all([s3 && checkS3(s3, cluster), registry && checkRegistry(registry)]);
  return { problems: found.filter((problem) => problem !== undefined) };
}

import { z } from "zod";
import { nearest } from "../report/nearest.ts";
import { ManifestDocument } from "./schema.ts";
import type { Path } from "./yaml.ts";

/** What is wrong with a document, in words: with the value at `path`, or its key. */
interface Complaint {
  path: Path;
  part: "key" | "value";
  why: string;
}

/** What the schema found, each thing that is wrong as a complaint of its own. The document has to be read with `reportInput`. */
export function describeIssue(issue: z.core.$ZodIssue): Complaint[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...issue.path, key], part: "key", why: unknownKey(issue.path, key) }));
  }
  const part = issue.code === "invalid_key" ? "key" : "value";
  return [{ path: issue.path, part, why: `${issue.path.length === 0 ? "the manifest" : show(issue.path)} ${words(issue)}` }];
}

function words(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is missing";
      if (issue.expected === "object" || issue.expected === "record") return "has to be keys with values";
      if (issue.expected === "array") return "has to be a list";
      return issue.expected === "string" ? "has to be a text" : issue.message;
    case "invalid_key":
      return `cannot be a name: it ${issue.issues[0]?.message}`;
    case "too_big":
      if (issue.origin === "array") return `has more than ${issue.maximum} entries`;
      return issue.origin === "string" ? `is longer than ${issue.maximum} characters` : issue.message;
    default:
      return issue.message;
  }
}

function unknownKey(path: Path, key: string): string {
  const known = keysAt(path);
  const meant = nearest(key, known);
  const allowed = meant ? `did you mean '${meant}'?` : `${path.length === 0 ? "a manifest" : show(path)} has ${known.join(", ")}`;
  return `the key '${key}' is not known; ${allowed}`;
}

/* The keys that a mapping may have, without those that are only read for Epinio's sake. */
function keysAt(path: Path): string[] {
  let schema: unknown = ManifestDocument;
  for (const step of path) schema = shapeOf(schema)[String(step)];
  return Object.entries(shapeOf(schema)).flatMap(([key, value]) => (z.globalRegistry.get(value)?.deprecated ? [] : [key]));
}

function shapeOf(schema: unknown): Record<string, z.ZodType> {
  if (schema instanceof z.ZodOptional) return shapeOf(schema.unwrap());
  return schema instanceof z.ZodObject ? schema.shape : {};
}

/** `routes[0]`, `env.LOG`. */
function show(path: Path): string {
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`)).join("");
}

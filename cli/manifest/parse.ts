import { dirname, resolve } from "node:path";
import { Fault } from "#shared/fault";
import { plainLine } from "../report/plain.ts";
import type { ManifestFile } from "./find.ts";
import { describeIssue } from "./issues.ts";
import type { AppSettings } from "./merge.ts";
import { ManifestDocument } from "./schema.ts";
import { settingsOf, unusedKeys } from "./settings.ts";
import { type Problem, readYaml, type Yaml, type YamlDocument } from "./yaml.ts";

/** One app of a manifest: what it says, and what of it davit does not use. */
export interface ManifestApp {
  settings: AppSettings;
  notices: string[];
}

/** As many as are told. */
const MOST_PROBLEMS = 10;
/** As many as are looked at, in a file that is something else entirely. */
const MOST_COMPLAINTS = 100;

/**
 * The apps of a manifest's text, in order; paths in it are relative to where the file is.
 * @throws Fault manifest_invalid naming file, line, column and key, never a value
 */
export function parseManifest(text: string, file: ManifestFile): ManifestApp[] {
  const yaml = readYaml(text);
  if (yaml.problem) throw invalid(file, [yaml.problem], yaml);
  if (yaml.documents.length === 0) throw invalid(file, [{ at: 0, why: "the manifest is empty" }], yaml);
  const read = yaml.documents.map((document) => readDocument(document, dirname(file.path)));
  const apps = read.flatMap(({ app }) => app ?? []);
  const problems = [...read.flatMap((each) => each.problems), ...nameProblems(yaml.documents, apps)];
  if (problems.length > 0) throw invalid(file, problems, yaml);
  return apps;
}

function readDocument(document: YamlDocument, folder: string): { app?: ManifestApp; problems: Problem[] } {
  const parsed = ManifestDocument.safeParse(document.value, { reportInput: true });
  if (parsed.success) {
    return { app: { settings: settingsOf(parsed.data, (path) => resolve(folder, path)), notices: unusedKeys(parsed.data) }, problems: [] };
  }
  const complaints = parsed.error.issues.flatMap(describeIssue).slice(0, MOST_COMPLAINTS);
  const problems = complaints.map(({ path, part, why }) => ({ at: document.find(path, part), why }));
  // Of a value only the first complaint is told: the others are mostly its consequences.
  return { problems: problems.filter(({ at }, index) => problems.findIndex((other) => other.at === at) === index) };
}

/* Several apps in one file need names to tell them apart. */
function nameProblems(documents: readonly YamlDocument[], apps: readonly ManifestApp[]): Problem[] {
  if (documents.length < 2 || apps.length < documents.length) return [];
  const names = apps.map(({ settings }) => settings.name);
  return documents.flatMap((document, index) => {
    const name = names[index];
    if (name === undefined) return [{ at: document.find([], "value"), why: "name is missing: a file with several apps has to name each" }];
    return names.indexOf(name) < index ? [{ at: document.find(["name"], "value"), why: `name: the app '${name}' is in this file already` }] : [];
  });
}

function invalid({ shown }: ManifestFile, problems: readonly Problem[], { placeOf }: Yaml): Fault {
  const places = problems.toSorted((a, b) => a.at - b.at).map(({ at, why }) => ({ ...placeOf(at), why }));
  // Keys are quoted, and whoever wrote the file may have put anything into them.
  const told = places.slice(0, MOST_PROBLEMS).map(({ line, col, why }) => `${shown}:${line}:${col}: ${plainLine(why).slice(0, 400)}`);
  const details = { file: shown, line: String(places[0]?.line), column: String(places[0]?.col) };
  return new Fault("manifest_invalid", [...told, ...(problems.length > told.length ? ["and more"] : [])].join("\n"), { details });
}

import { GitUrl } from "#shared/app";
import { Fault } from "#shared/fault";
import { quote } from "#shared/source/source-fault";
import type { Gitlink } from "./check-out.ts";

/** A repository that is part of another one, at a path of it. */
export interface Submodule extends Gitlink {
  url: string;
}

/**
 * The submodules of a commit. Their URLs follow the same rules as the repository's own; relative ones are meant from it.
 * A gitlink that .gitmodules does not name is an empty folder, as it is for git.
 * @throws Fault git_refused for a URL that davit does not fetch from
 */
export function submodulesOf(gitlinks: readonly Gitlink[], gitmodules: string | undefined, base: string): Submodule[] {
  const urls = parseGitmodules(gitmodules ?? "");
  return gitlinks.flatMap((link) => {
    const url = urls.get(link.path);
    return url === undefined ? [] : [{ ...link, url: absolute(link.path, url, base) }];
  });
}

function absolute(path: string, url: string, base: string): string {
  const meant = /^\.\.?\//.test(url) ? new URL(url, `${base.replace(/\/$/, "")}/`).href : url;
  const checked = GitUrl.safeParse(meant);
  if (checked.success) return checked.data;
  throw new Fault("git_refused", `the URL of the submodule ${quote(path)} ${checked.error.issues[0]?.message}`, { details: { path } });
}

/** URLs by path. The file is in the format of git's configuration: sections with names, and `key = value`. */
export function parseGitmodules(text: string): Map<string, string> {
  const urls = new Map<string, string>();
  for (const section of text.split(/^\s*\[/m).slice(1)) {
    if (!/^submodule\s+"/.test(section)) continue;
    const values = new Map<string, string>();
    for (const line of section.split("\n").slice(1)) {
      const [, key = "", value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      values.set(key.toLowerCase(), unquoted(value));
    }
    const [path, url] = [values.get("path"), values.get("url")];
    if (path && url) urls.set(path.replace(/\/$/, ""), url);
  }
  return urls;
}

function unquoted(value: string): string {
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"/.exec(value) ?? [];
  return quoted === undefined ? value.replace(/\s+[;#].*$/, "") : quoted.replace(/\\(.)/g, "$1");
}

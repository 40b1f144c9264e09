import { resolve } from "node:path";
import { ConfigurationName, GitRevision, GitUrl, ImageRef } from "#shared/app";
import { Fault } from "#shared/fault";
import { checkTogether } from "../flags.ts";

/** What is pushed, as far as this side knows it: `root` is the absolute path of a folder or an archive. */
export type PushSource =
  | { kind: "path"; root: string }
  | { kind: "git"; url: string; revision?: string; credential?: string }
  | { kind: "image"; image: string };

/** The flags that say what is pushed. */
export interface SourceFlags {
  path?: string | undefined;
  git?: string | undefined;
  gitCredential?: string | undefined;
  image?: string | undefined;
}

/**
 * The source that the flags name, if they do.
 * @throws Fault usage
 */
export function readSourceFlags({ path, git, gitCredential, image }: SourceFlags, cwd: string): PushSource | undefined {
  checkTogether({ "--path": path !== undefined, "--git": git !== undefined, "--image": image !== undefined }, "an app has one source");
  if (gitCredential !== undefined) checkCredential(gitCredential, git);
  if (path !== undefined) return { kind: "path", root: resolve(cwd, path) };
  if (git !== undefined) return { kind: "git", ...readGit(git), ...(gitCredential === undefined ? {} : { credential: gitCredential }) };
  if (image === undefined) return undefined;
  const checked = ImageRef.safeParse(image);
  if (checked.success) return { kind: "image", image };
  throw usage("--image", `--image ${checked.error.issues[0]?.message}`);
}

function checkCredential(name: string, git: string | undefined): void {
  if (git === undefined) throw usage("--git-credential", "--git-credential says how to read the repository of --git: give both");
  const checked = ConfigurationName.safeParse(name);
  if (!checked.success) throw usage("--git-credential", `--git-credential '${name}' ${checked.error.issues[0]?.message}`);
}

/* Nothing of it is shown: people put passwords into URLs. */
function readGit(text: string): { url: string; revision?: string } {
  const [url = "", revision, ...more] = text.split(",");
  if (more.length > 0 || revision === "")
    throw usage("--git", "--git takes URL or URL,REVISION: a repository, and a branch, a tag or a commit of it");
  const checkedUrl = GitUrl.safeParse(url);
  if (!checkedUrl.success) throw usage("--git", `the URL of --git ${checkedUrl.error.issues[0]?.message}`);
  if (revision === undefined) return { url };
  const checked = GitRevision.safeParse(revision);
  if (!checked.success) throw usage("--git", `the revision of --git ${checked.error.issues[0]?.message}`);
  return { url, revision };
}

function usage(flag: string, message: string): Fault {
  return new Fault("usage", message, { details: { flag } });
}

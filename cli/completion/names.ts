import { within } from "#shared/within";
import { connect, type Way } from "../agent-client/connect.ts";
import { loadLogins, loginsFile } from "../agent-client/logins.ts";
import { pickNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import type { NamedThing } from "./shape.ts";

/** Nobody waits longer for a completion. */
const PATIENCE_MS = 1000;

/**
 * The names of things, from the logins or the agent; `words` are those of the command line. Whatever goes wrong, and
 * whatever takes too long, gives none: a completion has no words for faults.
 */
export async function namesOf(context: Context, thing: NamedThing, words: readonly string[]): Promise<string[]> {
  try {
    return (await within(PATIENCE_MS, ask(context, thing, words))) ?? [];
  } catch {
    return [];
  }
}

async function ask(context: Context, thing: NamedThing, words: readonly string[]): Promise<string[]> {
  if (thing === "servers") return Object.keys(loadLogins(loginsFile(context.env)).servers);
  const { env, pause } = context;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
  const connection = await connect({ env, pause, signal, err: () => {} }, wayOf(words));
  const { client } = connection;
  const namespace = () => pickNamespace(flagIn(words, "-n", "--namespace"), env, connection);
  switch (thing) {
    case "apps":
      return named(await client.listApps({ namespace: namespace() }));
    case "configurations":
      return named(await client.listConfigurations({ namespace: namespace() }));
    case "git-credentials":
      return named(await client.listGitCredentials({ namespace: namespace() }));
    case "namespaces":
      return named(await client.listNamespaces({}));
  }
}

/* What an agent calls things lands in a command line: nothing gets there that a shell could take for more than a name. */
function named(found: readonly { name: string }[]): string[] {
  return found.map(({ name }) => name).filter((name) => /^[a-z0-9][a-z0-9.-]*$/.test(name));
}

function wayOf(words: readonly string[]): Way {
  return { kubeconfig: flagIn(words, "--kubeconfig"), context: flagIn(words, "--context"), server: flagIn(words, "--server") };
}

/** The value of an option among words of which nobody knows yet whether they are right. */
function flagIn(words: readonly string[], ...names: string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    if (names.includes(word)) return words[index + 1];
    const name = names.find((each) => word.startsWith(`${each}=`));
    if (name !== undefined) return word.slice(name.length + 1);
  }
  return undefined;
}

import { attempt, run } from "./exec.ts";

/** A chain of iptables that is ours, called from a built-in one; `enter` leads into the network namespace that it is in. */
export type Chain = { name: string; table: string; parent: string; enter?: readonly string[] };

const iptables = ({ table, enter = [] }: Chain): string[] => [...enter, "iptables", "-w", "-t", table];

/** Makes the chain have these rules and no others, and be called once. */
export async function ensureChain(chain: Chain, rules: readonly string[][]): Promise<void> {
  const { name, parent } = chain;
  await attempt([...iptables(chain), "-N", name]);
  await run([...iptables(chain), "-F", name]);
  for (const rule of rules) await run([...iptables(chain), "-A", name, ...rule]);
  if ((await attempt([...iptables(chain), "-C", parent, "-j", name])).code !== 0) await run([...iptables(chain), "-I", parent, "-j", name]);
}

export async function removeChain(chain: Chain): Promise<void> {
  const { name, parent } = chain;
  if ((await attempt([...iptables(chain), "-S", name])).code !== 0) return;
  while ((await attempt([...iptables(chain), "-D", parent, "-j", name])).code === 0);
  await run([...iptables(chain), "-F", name]);
  await run([...iptables(chain), "-X", name]);
}

import bash from "./davit.bash" with { type: "text" };
import fish from "./davit.fish" with { type: "text" };
import zsh from "./davit.zsh" with { type: "text" };

const SCRIPTS = { bash, zsh, fish } as const;

export const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

/** What a shell has to read so that it completes davit's command lines; undefined for another shell. */
export function completionScript(shell: string): string | undefined {
  return SHELLS.includes(shell as (typeof SHELLS)[number]) ? SCRIPTS[shell as (typeof SHELLS)[number]] : undefined;
}

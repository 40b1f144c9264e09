import { type Done, davit } from "#test/lab";

/** How a command was refused, as `-o json` tells it. */
export interface Refusal {
  exit: number;
  code: string;
  message: string;
  details?: Record<string, string>;
}

/** The command line in one namespace. */
export interface Commands {
  run(...args: string[]): Promise<Done>;
  /** Its stdout. @throws Error when it fails */
  must(...args: string[]): Promise<string>;
  /** What it prints as JSON. @throws Error when it fails */
  json(...args: string[]): Promise<ReturnType<typeof JSON.parse>>;
  refusal(...args: string[]): Promise<Refusal>;
}

export function commandsIn(namespace: string): Commands {
  const run: Commands["run"] = (...args) => davit([...args, "-n", namespace]);
  const must: Commands["must"] = async (...args) => {
    const { code, stdout, stderr } = await run(...args);
    if (code !== 0) throw new Error(`davit ${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  };
  return {
    run,
    must,
    json: async (...args) => JSON.parse(await must(...args, "-o", "json")),
    refusal: async (...args) => {
      const { code, stdout } = await run(...args, "-o", "json");
      const { fault } = JSON.parse(stdout);
      if (code === 0 || !fault) throw new Error(`davit ${args.join(" ")} was not refused: ${stdout}`);
      return { exit: code, ...fault };
    },
  };
}

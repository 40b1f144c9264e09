/** What a program did, and how long that took. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  ms: number;
}

/** Longer than any command of the bench takes. */
const LIMIT_MS = 240_000;

/** Runs a program to its end, whatever its exit code. */
export async function measure(command: readonly string[], options: { cwd?: string; stdin?: Blob | Buffer } = {}): Promise<Ran> {
  const began = performance.now();
  const child = Bun.spawn([...command], {
    ...(options.cwd ? { cwd: options.cwd } : {}),
    env: { ...process.env, NO_COLOR: "1" },
    stdin: options.stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
  });
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code, stdout, stderr, ms: performance.now() - began };
}

/** Runs a program that has to succeed. */
export async function run(command: readonly string[], options: { cwd?: string; stdin?: Blob | Buffer } = {}): Promise<Ran> {
  const ran = await measure(command, options);
  if (ran.code !== 0) throw new Error(`${command.slice(0, 8).join(" ")} failed (exit ${ran.code}): ${(ran.stderr || ran.stdout).trim()}`);
  return ran;
}

export async function kubectl(...args: string[]): Promise<string> {
  return (await run(["kubectl", ...args])).stdout;
}

export async function kubeGet<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl("get", ...args, "-o", "json"));
}

export async function kubeApply(...objects: object[]): Promise<void> {
  const list = { apiVersion: "v1", kind: "List", items: objects };
  await run(["kubectl", "apply", "-f", "-"], { stdin: Buffer.from(JSON.stringify(list)) });
}

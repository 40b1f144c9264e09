import type { Writable } from "node:stream";
import { Fault } from "#shared/fault";
import type { Wire } from "#shared/wire";
import type { Connection } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import { type Ending, endingOf, resizeFrame, STATUS, STDERR, STDIN_ENDED, STDOUT, stdinFrames } from "./channels.ts";
import { terminalOf } from "./terminal.ts";

/** bash where the image has it, else sh. */
const SHELL = ["sh", "-c", 'exec "$(command -v bash || echo sh)"'];

/** Which command, and where. */
export interface ExecOptions {
  namespace: string;
  app: string;
  instance?: string | undefined;
  /** Empty for a shell. */
  command: readonly string[];
}

/**
 * Runs a command in an instance, with this side's stdin, stdout and stderr. Returns the command's exit code.
 * @throws Fault instance_not_found, command_not_started, agent_lost, forbidden
 */
export async function exec(context: Context, connection: Connection, { namespace, app, instance, command }: ExecOptions): Promise<number> {
  // Who may not, and what does not run, is found out by a request, which is repeated where a session is not.
  await connection.client.listInstances({ namespace, app });
  const { stdin, stdout, stderr, signal } = context;
  const terminal = terminalOf({ stdin, stdout });
  const words = command.length > 0 ? [...command] : SHELL;
  const order = { command: words, tty: terminal !== undefined, ...(instance === undefined ? {} : { instance }) };
  const wire = await connection.open({ namespace, app, kind: "exec", order });
  const leave = () => void wire.close();
  signal.addEventListener("abort", leave, { once: true });
  const restore = terminal?.enter((columns, rows) => void wire.send(resizeFrame(columns, rows)).catch(() => {}));
  try {
    // When this breaks, so does what comes, and that tells why.
    sendInput(stdin, wire).catch(() => {});
    const ending = await showOutput(wire, { stdout, stderr });
    if ("exit" in ending) return ending.exit;
    throw new Fault("command_not_started", ending.failure, { details: { app, namespace } });
  } catch (error) {
    throw error instanceof Fault && error.code === "agent_lost" ? cutOff(error) : error;
  } finally {
    restore?.();
    signal.removeEventListener("abort", leave);
    await wire.close();
  }
}

async function sendInput(stdin: AsyncIterable<Uint8Array | string>, wire: Wire): Promise<void> {
  for await (const chunk of stdin) for (const frame of stdinFrames(Buffer.from(chunk))) await wire.send(frame);
  await wire.send(STDIN_ENDED);
}

async function showOutput(wire: Wire, output: { stdout: Writable; stderr: Writable }): Promise<Ending> {
  for await (const frame of wire) {
    const payload = frame.subarray(1);
    if (frame[0] === STATUS) return endingOf(payload);
    if (payload.length > 0 && frame[0] === STDOUT) await write(output.stdout, payload);
    if (payload.length > 0 && frame[0] === STDERR) await write(output.stderr, payload);
  }
  throw new Fault("agent_lost", "the connection to the instance broke");
}

function write(stream: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve())));
}

function cutOff(fault: Fault): Fault {
  const next = "run it again; what was started may still run in the instance";
  return new Fault(fault.code, fault.message, { cause: fault, details: { next, ...fault.details } });
}

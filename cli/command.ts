import { Command, Option } from "clipanion";
import type { Kube } from "#shared/kube/client";
import type { Connection } from "./agent-client/connect.ts";
import type { Context } from "./context.ts";

/** What every command shares. A command is its flags and a `run`; whatever is costly is imported inside `run`. */
export abstract class BaseCommand extends Command<Context> {
  output = Option.String("-o,--output", "text", { description: "<text|json> what stdout gets" });
  verbose = Option.Boolean("--verbose", false, { description: "say more about what goes wrong" });

  /** The work; its value is the exit code. */
  protected abstract run(): Promise<number>;

  /** What `--output` may be. */
  protected outputs(): readonly string[] {
    return ["text", "json"];
  }

  /** Not for overriding: the one place where a command's errors are caught, because clipanion prints them on stdout. */
  async execute(): Promise<number> {
    try {
      if (!this.outputs().includes(this.output)) {
        const { Fault } = await import("#shared/fault");
        throw new Fault("usage", `--output is one of ${this.outputs().join(", ")}, not '${this.output}'`, {
          details: { command: this.path.join(" ") },
        });
      }
      return await this.run();
    } catch (error) {
      const { reportError } = await import("./report/fault.ts");
      return reportError(this.context, error, { json: this.output === "json", verbose: this.verbose, command: this.path.join(" ") });
    }
  }

  /** Prints `value` as JSON, or what `text` makes of it, as --output says. */
  protected print<T>(value: T, text: (value: T) => string | readonly string[]): void {
    if (this.output === "json") this.context.out(JSON.stringify(value, null, 2));
    else for (const line of [text(value)].flat()) this.context.out(line);
  }
}

/** A command about a cluster itself. */
export abstract class ClusterCommand extends BaseCommand {
  kubeconfig = Option.String("--kubeconfig", { description: "<FILE> kubeconfig to use (default: $KUBECONFIG, or ~/.kube/config)" });
  kubeContext = Option.String("--context", { description: "<NAME> context of the kubeconfig to use (default: its current one)" });

  /** The cluster that the flags ask for, or the kubeconfig's current one. */
  protected kube(): Promise<Kube> {
    return this.context.kube({ kubeconfig: this.kubeconfig, context: this.kubeContext });
  }
}

/** A command that the agent answers. */
export abstract class AgentCommand extends BaseCommand {
  kubeconfig = Option.String("--kubeconfig", { description: "<FILE> kubeconfig to use instead of a login" });
  kubeContext = Option.String("--context", { description: "<NAME> context of the kubeconfig to use instead of a login" });
  server = Option.String("--server", { description: "<URL> the login to use, when there are several" });

  /** The agent, by the login or the kubeconfig that the flags ask for. */
  protected connect(): Promise<Connection> {
    return this.context.connect({ kubeconfig: this.kubeconfig, context: this.kubeContext, server: this.server });
  }
}

/** A command about what is in one namespace. */
export abstract class NamespacedCommand extends AgentCommand {
  namespace = Option.String("-n,--namespace", { description: "<NAME> namespace (default: $DAVIT_NAMESPACE, the login's, or 'apps')" });

  /** The connection and the namespace that the command is about. */
  protected async connectNamespace(): Promise<{ connection: Connection; client: Connection["client"]; namespace: string }> {
    const [{ pickNamespace }, connection] = await Promise.all([import("./agent-client/namespace.ts"), this.connect()]);
    return { connection, client: connection.client, namespace: pickNamespace(this.namespace, this.context.env, connection) };
  }
}

import { api, type DavitClient } from "#shared/api";
import { Fault } from "#shared/fault";
import { client, type Transport } from "#shared/rpc-client";
import type { Session } from "#shared/sessions";
import type { Wire } from "#shared/wire";
import type { Context } from "../context.ts";
import { sendByLogin, socketByLogin } from "./login-way.ts";
import { keepCa, type Login, type Logins, loadLogins, loginsFile, serverUrl } from "./logins.ts";
import type { OpenSocket } from "./open-session.ts";
import { ServerTrust, type TrustChange } from "./server-trust.ts";
import { loginTokens } from "./tokens.ts";
import { withHeartbeat, withRetries, withToken, withWaiting, withWholeAnswers } from "./transport.ts";

/** Which way to the agent the flags ask for; nothing asks for the current login, else the kubeconfig. */
export interface Way {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  server?: string | undefined;
}

/** The agent, and how it is reached. */
export interface Connection {
  client: DavitClient;
  /** The same agent, each request tried once: for callers that repeat by themselves, however long it takes. */
  once: DavitClient;
  /** The same for callers that repeat a few times: an agent that is away is waited for. */
  waiting: DavitClient;
  /** Opens a session. @throws Fault agent_unreachable; what the agent has against it comes on the wire */
  open: (session: Session) => Promise<Wire>;
  server: string;
  how: "login" | "kubeconfig";
  /** The login's own namespace. */
  namespace?: string | undefined;
}

type World = Pick<Context, "env" | "signal" | "pause" | "err">;

/**
 * @throws Fault usage for flags that contradict each other, not_logged_in when there is no way at all
 */
export async function connect(world: World, way: Way): Promise<Connection> {
  const byKube = way.kubeconfig !== undefined || way.context !== undefined;
  if (byKube && way.server !== undefined)
    throw new Fault("usage", "--server names a login and --kubeconfig or --context a cluster: give one of them");
  if (byKube) return await connectByKube(world, way);
  const logins = loadLogins(loginsFile(world.env));
  const server = way.server === undefined ? logins.current : serverUrl("--server", way.server);
  if (server !== null) {
    return connectByLogin(world, server, loginOf(logins, server), (change) => keepCa(loginsFile(world.env), server, change));
  }
  const { hasKubeconfig } = await import("./kube-way.ts");
  if (hasKubeconfig(world.env)) return await connectByKube(world, way);
  throw new Fault("not_logged_in", "there is no login and no kubeconfig, so davit does not know which agent is meant");
}

function loginOf(logins: Logins, server: string): Login {
  const login = logins.servers[server];
  if (login) return login;
  throw new Fault("not_logged_in", `there is no login for ${server}`, { details: { server, logins: Object.keys(logins.servers).join(", ") } });
}

/** The agent at a server's URL, with the login's token and CA; `onTrust` is told when another CA takes its place. */
export function connectByLogin(world: World, server: string, login: Login, onTrust: (change: TrustChange) => void): Connection {
  const tokens = loginTokens(login, world.signal);
  const trust = new ServerTrust(server, login.ca, (change) => {
    onTrust(change);
    world.err(change.line);
  });
  const transport = withToken(withWholeAnswers(sendByLogin(server, trust), server), tokens);
  return { ...clients(world, transport, server, socketByLogin(server, trust, tokens)), server, how: "login", namespace: login.namespace };
}

async function connectByKube(world: World, way: Way): Promise<Connection> {
  const { connectKube, kubeTokens, sendByKube, socketByKube } = await import("./kube-way.ts");
  const connection = await connectKube(world.env, way);
  const tokens = kubeTokens(connection, world.env);
  const transport = withToken(withWholeAnswers(sendByKube(connection), connection.server), tokens);
  return { ...clients(world, transport, connection.server, socketByKube(connection, tokens)), server: connection.server, how: "kubeconfig" };
}

function clients(world: World, transport: Transport, server: string, socket: OpenSocket): Pick<Connection, "client" | "once" | "waiting" | "open"> {
  const interruptible: Transport = (path, request) =>
    transport(path, { ...request, signal: request.signal ? AbortSignal.any([request.signal, world.signal]) : world.signal });
  const once = withHeartbeat(interruptible);
  const waiting = withWaiting(once, world);
  const patient = client(api, withRetries(waiting, world));
  const open: Connection["open"] = async (session) => {
    const { openSession } = await import("./open-session.ts");
    return await openSession({ open: socket, server, client: patient }, session);
  };
  return { client: patient, once: client(api, once), waiting: client(api, waiting), open };
}

import { type KeyPair, newAuthority, newLeaf } from "#shared/tls/signing";

export const GIT_USER = "ann";
export const GIT_PASSWORD = "correct horse";

/** Answers instead of git, or lets git answer by calling `git`. */
export type Misbehave = (request: Request, git: () => Promise<Response>) => Promise<Response> | Response;

export interface GitServer extends AsyncDisposable {
  /** `https://host:port` without a path; what is below /private wants {@link GIT_USER}. */
  origin: string;
  host: string;
  ca: string;
  leaf: KeyPair;
  /** What came: method, path and query, and the authorization that was sent along. */
  requests: { method: string; path: string; authorization: string | null; body: string }[];
  misbehave: Misbehave;
}

export interface GitServerOptions {
  /** A folder with bare repositories. */
  root: string;
  /** Where it listens, and one of the names in its certificate. */
  hostname?: string;
  names?: string[];
  /** Of {@link GIT_USER}. */
  password?: string;
  /** Serves as git did before protocol version 2. */
  old?: boolean;
}

/** A real git server: `git http-backend` behind TLS with a CA of its own. */
export async function gitServer({
  root,
  hostname = "127.0.0.1",
  names = [],
  password = GIT_PASSWORD,
  old = false,
}: GitServerOptions): Promise<GitServer> {
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: [hostname, ...names] });
  const requests: GitServer["requests"] = [];
  const server = Bun.serve({
    port: 0,
    hostname,
    idleTimeout: 0,
    tls: { cert: leaf.certificate, key: leaf.key.reveal() },
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = new Uint8Array(await request.arrayBuffer());
      const authorization = request.headers.get("authorization");
      requests.push({ method: request.method, path: pathname + search, authorization, body: Buffer.from(body).toString("latin1") });
      if (pathname.startsWith("/private/") && authorization !== `Basic ${Buffer.from(`${GIT_USER}:${password}`).toString("base64")}`)
        return new Response("who are you?", { status: 401, headers: { "www-authenticate": "Basic" } });
      return await self.misbehave(request, () => backend(root, request, body, old));
    },
  });
  const self: GitServer = {
    origin: server.url.origin,
    host: server.url.host,
    ca: authority.certificate,
    leaf,
    requests,
    misbehave: (_, git) => git(),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return self;
}

async function backend(root: string, request: Request, body: Uint8Array, old: boolean): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const child = Bun.spawn(["git", "http-backend"], {
    stdin: body,
    stdout: "pipe",
    stderr: "ignore",
    env: {
      ...gitEnv(),
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname.replace(/^\/private/, ""),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      CONTENT_LENGTH: String(body.length),
      ...(old ? {} : { GIT_PROTOCOL: request.headers.get("git-protocol") ?? "" }),
    },
  });
  const output = Buffer.from(await new Response(child.stdout).arrayBuffer());
  const end = output.indexOf("\r\n\r\n");
  const headers = new Headers(
    output
      .toString("latin1", 0, end)
      .split("\r\n")
      .map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const status = Number.parseInt(headers.get("status") ?? "200", 10);
  headers.delete("status");
  return new Response(output.subarray(end + 4), { status, headers });
}

/** Git as if on a machine where nobody has configured it. */
export function gitEnv(): Record<string, string> {
  const who = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => [
      [`GIT_${role}_NAME`, "dev"],
      [`GIT_${role}_EMAIL`, "dev@example.com"],
    ]),
  );
  return { PATH: process.env.PATH ?? "", GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", HOME: "/nonexistent", ...who };
}

/** Runs git and gives what it prints. */
export async function git(folder: string, args: readonly string[], stdin: string | Uint8Array = ""): Promise<string> {
  const child = Bun.spawn(["git", ...args], { cwd: folder, env: gitEnv(), stdin: Buffer.from(stdin), stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${err}`);
  return out.trim();
}

import { type Session, sessionRequest } from "#shared/sessions";
import { door } from "#test/member";

/** What the agent says first in a session that is opened without davit's CLI. */
export async function told(token: string, session: Session): Promise<unknown> {
  const { url, ca } = await door();
  const { path, headers } = sessionRequest(session);
  const options = { headers: { ...headers, authorization: `Bearer ${token}` }, tls: { ca } };
  const socket = new WebSocket(url.replace(/^http/, "ws") + path, options as never);
  const first = Promise.withResolvers<unknown>();
  socket.addEventListener("message", ({ data }) => first.resolve(typeof data === "string" ? JSON.parse(data) : data));
  socket.addEventListener("close", ({ code }) => first.reject(new Error(`closed (${code}) without a word`)));
  return await first.promise;
}

import { toFault } from "#shared/fault";
import { verifyCredential } from "#shared/registry/credential";
import type { RegistryKey } from "#shared/registry/key";
import type { Log } from "../log.ts";
import type { Layout } from "./layout.ts";
import { appOf, type Pushes } from "./pushes.ts";
import { RemoveImages, SweepOrder, type Swept } from "./storage-api.ts";
import { References, readStorage, sweep } from "./sweep.ts";
import { refusal } from "./token-endpoint.ts";

/** What is behind the endpoint. */
export interface Stored {
  layout: Layout;
  pushes: Pushes;
  key: RegistryKey;
  log: Log;
}

/** Answers `/storage`, to the agent alone (storage-api.ts says what). */
export async function answerStorage(request: Request, stored: Stored): Promise<Response> {
  const refused = await refuse(request, stored.key);
  if (refused) return refused;
  const url = new URL(request.url);
  try {
    switch (`${request.method} ${url.pathname}`) {
      case "GET /storage":
        return Response.json({ repositories: await readStorage(stored.layout, url.searchParams.get("namespace") ?? undefined) });
      case "GET /storage/moment":
        return Response.json({ moment: stored.pushes.moment() });
      case "POST /storage/remove":
        return Response.json(await removeImages(stored, RemoveImages.parse(await request.json())));
      case "POST /storage/sweep":
        return Response.json(await sweepStorage(stored, SweepOrder.parse(await request.json()), request.signal));
      default:
        return refusal(404, "UNSUPPORTED", "the gate does not know that");
    }
  } catch (error) {
    stored.log("the registry's storage could not be worked on", { path: url.pathname, error });
    return refusal(503, "UNAVAILABLE", toFault(error).message);
  }
}

/** The credential itself is shown, not a token: nobody else's is of this kind. */
async function refuse(request: Request, key: RegistryKey): Promise<Response | undefined> {
  const [, password = ""] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  const verified = await verifyCredential(key, password).catch(() => undefined);
  return verified?.credential.kind === "storage" ? undefined : refusal(401, "UNAUTHORIZED", "only the agent may do that");
}

async function removeImages({ layout }: Stored, { images }: RemoveImages): Promise<object> {
  for (const { repository, digest } of images) await layout.removeImage(repository, digest);
  return {};
}

async function sweepStorage({ layout, pushes, log }: Stored, order: SweepOrder, signal: AbortSignal): Promise<Swept> {
  const references = new References(layout);
  await references.load();
  const busy = new Set(order.busy);
  const swept = await pushes.rest(order.moment, (isNew) => {
    const isSpared = (repository: string) => busy.has(appOf(repository)) || isNew(appOf(repository));
    return sweep(layout, references, { ...order, isSpared, signal });
  });
  if (!order.dryRun) log("the registry's storage was swept", { ...swept });
  return swept;
}

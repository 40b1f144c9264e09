import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { V1Secret } from "#shared/kube/objects";
import type { PushResult } from "#shared/push-event";
import { repository } from "#test/git-repository";
import { GIT_USER, gitServer } from "#test/git-server";
import { appFiles, type Done, folder, kube, type RunOptions, tenant } from "#test/lab";
import { logIn, member } from "#test/member";
import { answers, auditLog, images, installedSecrets, objects, passwordOf, recordLogs, storedObjects } from "#test/secrets/places";
import { type Place, Scanner } from "#test/secrets/scan";
import { temporaryFolder } from "#test/temporary";
import { clusterOf } from "../../scripts/cluster/register.ts";

/** A value as somebody could choose it, with what needs escaping, that is nowhere else in the world. */
const planted = (kind: string): string => `${kind}: "+/&=\\ü ${randomBytes(12).toString("hex")}`;

/** The last part of a JWT: without it the rest opens nothing, and nobody else's is the same. */
const signatureOf = (token: string): string => token.split(".").at(-1) ?? "";

test("secrets of every kind are in Secrets and in the apps that they are for, and nowhere else", async () => {
  const secrets = {
    env: planted("env"),
    "env, set later": planted("later"),
    "env of an app that fails": planted("failing"),
    configuration: planted("configuration"),
    "git password": planted("git"),
    "wrong login token": planted("token"),
  };
  const marker = `marker-${randomBytes(8).toString("hex")}`;
  await using space = await tenant("secret");
  await using logs = await recordLogs(space.name);
  const name = space.app("shop-of-secrets");
  using ann = await member(space.name, "davit-developer", "ann");
  using viewer = await member(space.name, "davit-viewer");
  await using repositories = await temporaryFolder();
  await using git = await gitServer({ root: repositories.path, hostname: clusterOf(process.env).net.host, password: secrets["git password"] });
  const code = await repository(repositories.path, "shop.git");
  await code.commit(appFiles(`${marker} from git`));
  using app = folder(appFiles(marker));
  // Not in the app's own folder: what is in there is sent, and becomes the image.
  using files = folder({
    "git.crt": git.ca,
    env: `PASSWORD='${secrets.env}'\n`,
    "failing.env": `PASSWORD='${secrets["env of an app that fails"]}'\n`,
  });
  using crashing = folder({ ...appFiles(marker), "server.ts": "process.exit(3);\n" });

  const printed: Place[] = [];
  const type = async (args: string[], options: RunOptions & { exit?: number } = {}): Promise<Done> => {
    const done = await ann.davit([...args, "-n", space.name], { cwd: files.path, ...options });
    printed.push({ place: `output of davit ${args.slice(0, 3).join(" ")}`, content: `${done.stdout}\n${done.stderr}` });
    expect({ args, code: done.code, stderr: done.stderr }).toEqual({ args, code: options.exit ?? 0, stderr: done.stderr });
    return done;
  };
  const pushed = async (app: string, args: string[], options?: Parameters<typeof type>[1]): Promise<PushResult> =>
    JSON.parse((await type(["push", "--name", app, "-o", "json", ...args], options)).stdout);

  await type(["configuration", "create", "mail", "--stdin", "PASSWORD"], { stdin: secrets.configuration });
  await type(["git-credential", "create", "work", "--host", git.host, "--username", GIT_USER, "--password-stdin", "--ca-file", "git.crt"], {
    stdin: secrets["git password"],
  });
  const shop = await pushed(name, ["--path", app.path, "--env-file", "env", "--bind", "mail"]);
  const fetched = await pushed(space.app("fetched"), ["--git", `${git.origin}/private/shop.git`]);
  await pushed(space.app("crash"), ["--path", crashing.path, "--env-file", "failing.env"], { exit: 61 });
  await type(["app", "env", "set", name, `LATER=${secrets["env, set later"]}`]);
  // Somebody forgot the name before it.
  await type(["app", "env", "set", name, secrets["env, set later"]], { exit: 2 });
  for (const command of ["env list", "show", "logs", "revisions"]) await type(["app", ...command.split(" "), name]);
  await type(["app", "logs", name, "--staging"]);
  await type(["configuration", "show", "mail"]);
  await type(["push", "--name", name, "--attach", "-o", "events"]);
  const refused = await logIn(viewer, secrets["wrong login token"]);
  printed.push({ place: "output of davit login", content: refused.stdout + refused.stderr });

  const pull = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: space.name, name: "davit-pull" });
  const installed = await installedSecrets();
  const all = { ...secrets, ...installed, "login token": signatureOf(ann.token), "pull secret": signatureOf(passwordOf(pull)) };
  // Whoever adds a kind of Secret adds to this list, by looking whether it is looked for.
  expect(Object.keys(installed).length).toBeGreaterThan(5);

  const values = { namespace: space.name, app: name, revision: "1", configuration: "mail", credential: "work" };
  const found: Record<string, Place[]> = {
    output: printed,
    objects: await objects(),
    logs: logs.places(),
    answers: await answers(viewer.token, values),
    images: await images(space.name, [
      { app: name, digest: digestOf(shop) },
      { app: space.app("fetched"), digest: digestOf(fetched) },
    ]),
    "S3 objects": await storedObjects(space.name),
    "audit log": auditLog(),
  };
  const scanner = new Scanner(all);
  expect(Object.values(found).flatMap((places) => places.flatMap((place) => scanner.leaks(place)))).toEqual([]);

  // That all of them were looked into is shown by what is no secret: it is found in each.
  const control = new Scanner({ app: name, source: marker });
  const unseen = Object.entries(found).filter(
    ([kind, places]) => kind !== "audit log" && places.flatMap((place) => control.leaks(place)).length === 0,
  );
  expect(unseen.map(([kind]) => kind)).toEqual([]);
  // Of Pods that are gone too: this one's went when its push failed.
  expect(found["logs"]?.map(({ place }) => place).join()).toContain(`${space.name}/${space.app("crash")}-`);
}, 240_000);

const digestOf = ({ image }: PushResult): string => (image ?? "").split("@")[1] ?? "";

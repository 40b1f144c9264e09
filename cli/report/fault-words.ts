import type { FaultCode } from "#shared/fault";

type Details = Record<string, string>;

/** What a fault is called, and what to type or change next. Core messages state facts; words about the CLI live here only. */
export interface FaultWords {
  title: string;
  next: (details: Details) => string;
}

const say = (title: string, next: string | ((details: Details) => string)): FaultWords => ({
  title,
  next: typeof next === "string" ? () => next : next,
});

const app = ({ app, namespace }: Details) => `${app ?? "NAME"}${namespace ? ` -n ${namespace}` : ""}`;
const admin = "ask whoever installed davit to look at `davit status`";

/** A complete base for a first Dockerfile; the app has to listen on $PORT. */
const DOCKERFILE = [
  "add a file named Dockerfile at the top of the source (buildpacks, which need none, come in a later version), for example:",
  "",
  "    FROM node:22-alpine",
  "    WORKDIR /app",
  "    COPY . .",
  "    RUN npm install --omit=dev",
  '    CMD ["npm", "start"]',
  "",
  "then run `davit push` again; the app has to listen on the port in $PORT",
].join("\n");

/** One row for each code, complete by its type. */
export const FAULT_WORDS = {
  usage: say("wrong usage", ({ command }) => (command ? `\`davit help ${command}\` shows what it takes` : "`davit help` shows all commands")),
  name_invalid: say("that name cannot be used", ({ suggestion }) =>
    suggestion ? `for example \`davit push --name ${suggestion}\`` : "choose a name of lower-case letters, digits and '-', starting with a letter",
  ),
  namespace_not_found: say(
    "no such namespace",
    ({ namespace }) => `\`davit namespace list\` shows what is there; \`davit namespace create ${namespace ?? "NAME"}\` makes it`,
  ),
  namespace_unmanaged: say("the namespace is not davit's", "`davit namespace list` shows those that are; choose one with -n"),
  namespace_exists: say("the namespace exists already", "`davit namespace list` shows it; choose another name"),
  app_not_found: say("no such app", ({ namespace }) => `\`davit app list${namespace ? ` -n ${namespace}` : ""}\` shows what is there`),
  revision_not_found: say("no such revision", (details) => `\`davit app revisions ${app(details)}\` lists them`),
  route_taken: say("the route is taken", "choose another with `davit push --route HOST[/PATH]`, or look who has it: `davit app list --all`"),
  app_deleting: say("the app is being deleted", "`davit app list` shows when it is gone; then push again"),
  no_url: say("the app has no URL", (details) => `give it a route: \`davit app update ${app(details)} --route HOST[/PATH]\``),
  instance_not_found: say(
    "no such instance",
    (details) => `\`davit app show ${app(details)}\` says how many run; \`davit app start ${app(details)}\` starts one that is stopped`,
  ),
  configuration_not_found: say("no such configuration", "`davit configuration list` shows what is there"),
  configuration_exists: say("the configuration exists already", "change it with `davit configuration update`"),
  configuration_bound: say("apps use the configuration", "take it from them first with `davit configuration unbind`, or give --unbind"),
  configuration_too_large: say("the configuration is too large", "make it several configurations; large files belong into the app's image"),
  credential_not_found: say("no such git credential", "`davit git-credential list` shows what is there"),
  ref_not_found: say("nothing has that name", "`davit gc --explain NAME` takes an app, a revision such as shop-3, a digest, or a part of one"),
  credential_exists: say("the git credential exists already", "delete it first with `davit git-credential delete`"),
  input_needed: say("an answer is needed and nobody is there", "give --yes to agree beforehand"),

  source_not_found: say("the source does not exist", "give the folder with `davit push --path DIR`"),
  source_not_directory: say("the source is neither a folder nor an archive", "give a folder or an archive with `davit push --path`"),
  source_empty: say("there is nothing to push", "check --path, and what .gitignore and .davitignore leave out"),
  source_unreadable: say(
    "a part of the source cannot be read",
    ({ path }) => `make ${path ?? "it"} readable, or leave it out by a line in .davitignore`,
  ),
  source_changed: say("the source changed while it was read", "run the same push again when nothing writes there"),
  source_link: say(
    "a link leads out of the source",
    ({ path }) => `leave ${path ?? "it"} out by a line in .davitignore, or replace it by what it points to`,
  ),
  source_special_file: say(
    "the source has something that is no file",
    ({ path }) => `delete ${path ?? "it"}, or leave it out by a line in .davitignore`,
  ),
  source_name: say("a file's name cannot be sent", "rename it, or leave it out by a line in .davitignore"),
  archive_invalid: say("the archive cannot be unpacked", "make it again with tar or zip, or unpack it yourself and push the folder"),
  no_dockerfile: say("no Dockerfile", DOCKERFILE),
  manifest_invalid: say("the manifest is not valid", "correct what is named above; docs/manifest.md lists all that can be there"),

  agent_unreachable: say(
    "the davit agent cannot be reached",
    "check the address with `davit whoami`; with a kubeconfig, `davit status` says whether the agent runs",
  ),
  agent_lost: say("the connection to the agent broke", "run the same command again; a push that was accepted goes on: `davit push --attach`"),
  not_logged_in: say("not logged in", ({ registry }) =>
    registry ? "give --user NAME --password-stdin" : "`davit login URL --token-stdin < token-file`, or name a cluster with --kubeconfig FILE",
  ),
  token_rejected: say("the token is not accepted", ({ by, server }) =>
    by === "cluster"
      ? "renew the kubeconfig's credential (does `kubectl auth whoami` work?)"
      : `log in again: \`davit login ${server ?? "URL"} --token-stdin < token-file\``,
  ),
  forbidden: say("not allowed", "`davit whoami` says who you are; ask for a RoleBinding to the ClusterRole davit-developer in that namespace"),
  cluster_unreachable: say("the cluster cannot be reached", "check --kubeconfig and --context (does `kubectl version` answer?)"),
  certificate_untrusted: say(
    "a certificate is not trusted",
    ({ server }) => `log in with the CA that signed it: \`davit login ${server ?? "URL"} --ca-file FILE --token-stdin\``,
  ),
  certificate_changed: say(
    "the server's certificate is of another CA than before",
    ({ server }) =>
      `ask whoever runs davit for the CA's fingerprint, which \`davit status\` shows them, and log in again with it: \`davit login ${server ?? "URL"} --fingerprint SHA256:... --token-stdin\``,
  ),
  version_skew: say(
    "CLI and agent do not fit together",
    "compare `davit version` with the agent's; `davit install` brings the agent to this version",
  ),
  not_installed: say("davit is not installed there", "`davit install`, or choose another cluster with --context NAME"),
  preflight_failed: say("the cluster is not ready for davit", "do what is said above, then run `davit install` again"),
  issuer_not_ready: say(
    "certificates cannot be issued",
    ({ issuer }) =>
      `correct what is said above and run \`davit install\` again; \`kubectl -n davit describe issuer ${issuer ?? ""}\` shows all of it`,
  ),
  gateway_not_ready: say(
    "the Gateway does not serve davit",
    ({ namespace, name }) =>
      `correct what is said above and run \`davit install\` again; \`kubectl -n ${namespace ?? "NAMESPACE"} describe gateway ${name ?? "NAME"}\` shows all of it`,
  ),
  kube_refused: say("Kubernetes refused a request", "`davit status` shows what davit has in the cluster"),
  doctor_found: say("something is wrong with the installation", "do what stands behind `fix:` above, then look again with `davit doctor`"),

  upload_failed: say("the upload failed", "run the same push again: only what is missing is sent"),
  store_full: say("the agent's store is full", admin),
  store_unavailable: say("the agent's store does not answer", `run the same push again; if that does not help, ${admin}`),
  tree_invalid: say("the source cannot be sent as it is", "rename or remove what is named above, or leave it out by a line in .davitignore"),
  pack_invalid: say("a part of the upload arrived damaged", "run the same push again"),
  chunks_missing: say("parts of the source are missing at the agent", "run the same push again: only what is missing is sent"),
  tree_base_unknown: say("the agent does not know the last push's source", "run the same push again"),
  source_gone: say("the source is gone", (details) => `push it again from where it is: \`davit push --name ${app(details)}\``),

  hydrate_failed: say("the source could not be laid out for the build", `run the same push again; if that does not help, ${admin}`),
  volume_full: say("the build's volume is full", "push less (a line in .davitignore leaves things out), or have the volume enlarged"),

  git_unreachable: say("the git server cannot be reached", ({ host, why }) =>
    why === "certificate"
      ? `keep the CA that signed it with a credential: \`davit git-credential create NAME --host ${host ?? "HOST"} --ca-file FILE --password-stdin\``
      : "check the URL, and whether the cluster may reach that server; then push again",
  ),
  git_auth: say("the git server lets nobody in without the right credential", ({ credential, host }) =>
    credential
      ? `make it again: \`davit git-credential delete ${credential}\`, then \`davit git-credential create ${credential} --host ${host ?? "HOST"} --password-stdin\``
      : `\`davit git-credential create NAME --host ${host ?? "HOST"} --username USER --password-stdin\`, then push again`,
  ),
  git_repository_not_found: say(
    "no such git repository",
    ({ host, credential }) =>
      `check the URL; a private repository may hide from ${credential ? `the credential '${credential}'` : `those without a credential: \`davit git-credential create NAME --host ${host ?? "HOST"} --password-stdin\``}`,
  ),
  git_revision_not_found: say("no such branch, tag or commit", "give one that is there: `davit push --git URL,REV`"),
  git_refused: say("davit does not fetch that", "push a folder that has it instead: `davit push --path DIR`"),
  git_too_large: say("the git repository is too large", "push a folder instead, which sends changed files only: `davit push --path DIR`"),
  fetch_failed: say("the source could not be fetched", `run the same push again; if that does not help, ${admin}`),

  staging_failed: say("staging failed", (details) => `\`davit app logs ${app(details)} --staging\` shows how far it came`),
  build_failed: say(
    "the app's own build failed",
    (details) => `correct what the build complains of; \`davit app logs ${app(details)} --staging\` shows its output again`,
  ),
  build_oom: say("the build ran out of memory", "make the build need less, or have the limit of staging raised"),
  dockerfile_invalid: say("the Dockerfile is not valid", "correct the Dockerfile and push again"),
  base_image_missing: say(
    "the base image does not exist",
    "correct the FROM line; in a cluster without internet, `davit install --registry-mirror HOST=URL` says where images come from",
  ),
  registry_unavailable: say("the registry does not answer", `run the same push again; if that does not help, ${admin}`),
  build_timeout: say("the build took too long", (details) => `\`davit app logs ${app(details)} --staging\` shows where it hung`),
  staging_unschedulable: say("the cluster has no room for the build", admin),
  base_failed: say("the push that the change builds upon failed", (details) =>
    details["serving"]
      ? `run the same command again to change what serves now, revision ${details["serving"]}; \`davit app revisions ${app(details)}\` shows what failed`
      : `push again, and make the change then; \`davit app revisions ${app(details)}\` shows what failed`,
  ),
  image_gone: say(
    "the image is gone",
    (details) => `build it again from its source: \`davit app restage ${app(details)} --revision ${details["revision"] ?? "N"}\``,
  ),
  image_not_found: say(
    "there is no such image",
    "correct what --image names (registry, repository and tag); in a cluster without internet, `davit install --registry-mirror HOST=URL` says where images come from",
  ),

  rollout_failed: say(
    "the new revision did not start",
    (details) => `\`davit app logs ${app(details)}\` shows what it says; the revision before goes on serving`,
  ),
  app_crashed: say(
    "the app ended by itself",
    (details) => `correct what its last lines say and push again; \`davit app show ${app(details)}\` shows what serves now`,
  ),
  app_not_listening: say(
    "the app does not listen on its port",
    ({ port }) => `make it listen on 0.0.0.0:$PORT, or say where it listens: \`davit push --port ${port ?? "PORT"}\``,
  ),
  image_pull: say(
    "a node could not pull the image",
    `of a ready image, check the name, and that the nodes may pull it (a private registry wants their credential); of one that davit built, ${admin}`,
  ),
  url_unanswered: say(
    "the URL does not answer",
    ({ url }) =>
      `the app runs, its route does not lead to it; try ${url ? `\`curl -v ${url}\`` : "the URL by hand"}, and have \`davit status\` looked at`,
  ),
  app_oom: say("the app ran out of memory", "make it need less memory and push again"),
  pod_forbidden: say(
    "the namespace does not take the app's Pods",
    "for Pod Security `restricted`, let the image run as a user with a number (`USER 1000` in its Dockerfile); for a quota, ask who owns the namespace",
  ),
  app_not_ready: say("the app did not become ready", (details) => `\`davit app logs ${app(details)}\` shows what it waits for`),

  command_not_started: say("the command did not start", (details) => `give one that the image has: \`davit app exec ${app(details)} -- CMD\``),
  deadline: say("time is up", "`davit status` shows how far it is"),
  interrupted: say("interrupted", "run the same command again"),
  bug: say("this is a bug in davit", "please report it with what is printed here and the output of `davit version -o json`"),
} satisfies Record<FaultCode, FaultWords>;

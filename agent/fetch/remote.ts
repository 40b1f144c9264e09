import { Fault } from "#shared/fault";
import { VERSION } from "#shared/version";
import type { GitHttp } from "./git-http.ts";
import { DELIMITER, FLUSH, packet, packets } from "./pkt-line.ts";

/** A ref of a repository; `target` is the ref that it stands for, of HEAD. */
export interface Ref {
  name: string;
  oid: string;
  target?: string;
}

export interface PackWish {
  /** Object ids, each with all that is needed for it. */
  wants: readonly string[];
  /** Leaves out the commits before those wanted, where the server can. */
  shallow: boolean;
  /** Leaves out files and folders, where the server can. */
  commitsOnly: boolean;
}

const DISCOVERY = "/info/refs?service=git-upload-pack";
const AGENT = `agent=davit/${VERSION}`;
const TYPE = "application/x-git-upload-pack";
/** Git's own refusals are a line; what is longer is something else. */
const MAX_WORDS = 200;
export const OID = /^[0-9a-f]{40}$/;

/** The server understood, and said no. */
export class Refusal extends Fault {
  constructor(host: string, words: string) {
    // What a stranger says may hold anything.
    const printable = words
      .replaceAll(/\p{Cc}+/gu, " ")
      .trim()
      .slice(0, MAX_WORDS);
    super("git_unreachable", `${host} says: ${printable}`, { details: { host } });
  }
}

/**
 * A repository behind git's "smart" HTTP protocol, as far as reading one commit needs it: version 2, and version 0 for
 * servers that know no other.
 */
export class Remote {
  readonly url: URL;
  readonly #http: GitHttp;
  readonly #capabilities: ReadonlySet<string>;
  /** Of version 0, which tells all of them at once. */
  readonly #advertised: Ref[] | undefined;

  private constructor(http: GitHttp, url: URL, lines: readonly string[]) {
    this.#http = http;
    this.url = url;
    if (lines[0] === "version 2") {
      this.#capabilities = new Set(lines.slice(1).flatMap(capabilitiesOf));
    } else {
      const { refs, capabilities } = readAdvertisement(lines.filter((line) => line !== "version 1"));
      this.#advertised = refs;
      this.#capabilities = capabilities;
    }
    if (this.#capabilities.has("object-format=sha256"))
      throw new Fault("git_refused", "the repository names its commits by SHA-256, which davit does not read yet", { details: { host: url.host } });
  }

  /** @throws Fault git_unreachable, git_auth, git_repository_not_found, git_refused */
  static async open(http: GitHttp, url: string): Promise<Remote> {
    const answer = await http.get(new URL(`${url.replace(/\/$/, "")}${DISCOVERY}`), DISCOVERY, { "git-protocol": "version=2" });
    const base = new URL(answer.url.href.slice(0, -DISCOVERY.length));
    if (!answer.type.startsWith(`${TYPE}-advertisement`)) {
      const message = `there is no git repository at ${base.host}${base.pathname}: what answers is of type '${answer.type.slice(0, 100)}'`;
      throw new Fault("git_repository_not_found", message, { details: { host: base.host } });
    }
    const lines: string[] = [];
    for await (const line of packets(answer.body)) if (typeof line !== "string") lines.push(line.toString("utf8").replace(/\n$/, ""));
    const refused = lines.find((line) => line.startsWith("ERR "));
    if (refused) throw new Refusal(base.host, refused.slice(4));
    return new Remote(
      http,
      base,
      lines.filter((line) => !line.startsWith("# service=")),
    );
  }

  /** Whether a commit can be asked for by its id, when no ref is at it. */
  get findsCommits(): boolean {
    return !this.#advertised;
  }

  /** Whether `commitsOnly` is heeded. */
  get filters(): boolean {
    return this.#capabilities.has(this.#advertised ? "filter" : "fetch=filter");
  }

  /** The refs whose names begin with one of `prefixes`. */
  async refs(prefixes: readonly string[]): Promise<Ref[]> {
    const wanted = (ref: Ref) => prefixes.some((prefix) => ref.name.startsWith(prefix));
    if (this.#advertised) return this.#advertised.filter(wanted);
    const lines = ["symrefs", ...prefixes.map((prefix) => `ref-prefix ${prefix}`)];
    const body = packet("command=ls-refs") + packet(AGENT) + DELIMITER + lines.map(packet).join("") + FLUSH;
    const refs: Ref[] = [];
    for await (const line of packets(await this.#post(body))) {
      if (typeof line === "string") continue;
      const [oid = "", name = "", ...attributes] = line.toString("utf8").trimEnd().split(" ");
      if (oid === "ERR") throw new Refusal(this.url.host, [name, ...attributes].join(" "));
      const target = attributes.find((attribute) => attribute.startsWith("symref-target:"))?.slice("symref-target:".length);
      refs.push({ name, oid, ...(target ? { target } : {}) });
    }
    return refs.filter((ref) => OID.test(ref.oid) && wanted(ref));
  }

  /** A pack with what is wished for. @throws Refusal when the server does not give it; Fault git_unreachable when it breaks off */
  async *pack(wish: PackWish): AsyncGenerator<Uint8Array> {
    let begun = false;
    let ended = false;
    for await (const part of packets(await this.#post(this.#wish(wish)))) {
      if (typeof part === "string") {
        ended ||= part === "flush" && begun;
        continue;
      }
      // Bands: 1 is the pack, 2 what the server does meanwhile, 3 why it cannot; all else are lines before the pack.
      begun ||= part[0] === 1 || part[0] === 2;
      if (part[0] === 1) yield part.subarray(1);
      else if (part[0] === 3) throw new Refusal(this.url.host, part.toString("utf8", 1));
      else if (part.toString("latin1", 0, 4) === "ERR ") throw new Refusal(this.url.host, part.toString("utf8", 4));
    }
    if (!ended) throw new Fault("git_unreachable", "the connection to the git server broke off", { details: { host: this.url.host } });
  }

  #wish({ wants, shallow, commitsOnly }: PackWish): string {
    const old = this.#advertised !== undefined;
    const capabilities = old
      ? ["multi_ack_detailed", "side-band-64k", "ofs-delta", "no-progress", "filter"].filter((name) => this.#capabilities.has(name))
      : [];
    const first = old ? ` ${[...capabilities, AGENT].join(" ")}` : "";
    const deepens = shallow && this.#capabilities.has(old ? "shallow" : "fetch=shallow");
    const lines = [
      ...(old ? [] : ["ofs-delta", "no-progress"]),
      ...wants.map((oid, index) => `want ${oid}${index === 0 ? first : ""}`),
      ...(deepens ? ["deepen 1"] : []),
      ...(commitsOnly && this.filters ? ["filter tree:0"] : []),
    ];
    const wish = lines.map(packet).join("");
    if (old) return wish + FLUSH + packet("done");
    return packet("command=fetch") + packet(AGENT) + DELIMITER + wish + packet("done") + FLUSH;
  }

  async #post(body: string): Promise<AsyncIterable<Uint8Array>> {
    const url = new URL(`${this.url.href}/git-upload-pack`);
    const post = { type: `${TYPE}-request`, body: Buffer.from(body) };
    const answer = await this.#http.post(url, post, this.#advertised ? {} : { "git-protocol": "version=2" });
    return answer.body;
  }
}

/** `fetch=shallow filter` as `fetch=shallow` and `fetch=filter`. */
function capabilitiesOf(line: string): string[] {
  const [name = "", values = ""] = line.split("=", 2);
  return line.includes("=") ? values.split(" ").map((value) => `${name}=${value}`) : [name];
}

function readAdvertisement(lines: readonly string[]): { refs: Ref[]; capabilities: Set<string> } {
  const [first = "", words = ""] = (lines[0] ?? "").split("\0");
  const capabilities = new Set(words.trim().split(" "));
  const head = [...capabilities].find((word) => word.startsWith("symref=HEAD:"))?.slice("symref=HEAD:".length);
  const refs = [first, ...lines.slice(1)].map((line): Ref => {
    const name = line.slice(line.indexOf(" ") + 1);
    return { name, oid: line.slice(0, line.indexOf(" ")), ...(name === "HEAD" && head ? { target: head } : {}) };
  });
  // A tag is told a second time with what it points to; an empty repository has a ref that is none.
  return { refs: refs.filter(({ name, oid }) => OID.test(oid) && !name.endsWith("^{}")), capabilities };
}

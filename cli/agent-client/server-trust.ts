import { CA_PATH } from "#shared/authority";
import type { Fault } from "#shared/fault";

/** A login's CAs were replaced (PEM; undefined: the machine's). `line` says so to the user. */
export interface TrustChange {
  from: string | undefined;
  to: string | undefined;
  line: string;
}

/**
 * Which certificates of one server are good: those of its login's CAs, or, without any, those that the machine trusts.
 * A server can hand over from one CA to the next only over a connection that is trusted already.
 */
export class ServerTrust {
  readonly #server: string;
  readonly #onChange: (change: TrustChange) => void;
  #ca: string | undefined;
  #asked = "";

  constructor(server: string, ca: string | undefined, onChange: (change: TrustChange) => void) {
    this.#server = server;
    this.#ca = ca;
    this.#onChange = onChange;
  }

  /** PEM. */
  get ca(): string | undefined {
    return this.#ca;
  }

  /** For `fetch` and WebSockets. */
  get tls(): { tls?: { ca: string } } {
    return this.#ca === undefined ? {} : { tls: { ca: this.#ca } };
  }

  /**
   * After the certificate was refused. Returns when the machine's CAs vouch for it now, which are then trusted.
   * @throws Fault certificate_changed, or `refusal` with what there is to know
   */
  async reconsider(refusal: Fault): Promise<void> {
    const { look, refused } = await import("./look.ts");
    const seen = await look(this.#server, this.#ca);
    if (!seen) throw refusal;
    if (this.#ca !== undefined && (await look(this.#server, undefined))?.problem === undefined) {
      this.#change(undefined, `${this.#server} has a publicly trusted certificate now, so the login no longer has a CA of its own`);
      return;
    }
    throw await refused({ server: this.#server, ca: this.#ca, seen, refusal });
  }

  /**
   * After an answer over a trusted connection, which says which CAs the agent has. When it has one of ours and another, one
   * is being replaced: those it has become the login's.
   */
  async follow(announced: string | null): Promise<void> {
    if (!announced || this.#ca === undefined || announced === this.#asked) return;
    this.#asked = announced;
    const { certificatesIn, fingerprintOf } = await import("#shared/tls/certificate");
    const ours = certificatesIn(this.#ca).map(fingerprintOf);
    const theirs = announced.split(" ");
    if (!theirs.some((one) => ours.includes(one)) || sameSet(ours, theirs)) return;
    const ca = await this.#fetchCa().catch(() => undefined);
    if (ca === undefined || !sameSet(certificatesIn(ca).map(fingerprintOf), theirs)) return;
    const { look } = await import("./look.ts");
    // What the login trusts next has to be good for the certificate that the server has now.
    const seen = await look(this.#server, ca);
    if (!seen || seen.problem !== undefined) return;
    this.#change(ca, `the CA of ${this.#server} is being replaced, as the agent says; the login now trusts ${theirs.join(" and ")}`);
  }

  async #fetchCa(): Promise<string> {
    const response = await fetch(this.#server + CA_PATH, { ...this.tls, redirect: "manual" });
    return response.ok ? await response.text() : "";
  }

  #change(to: string | undefined, line: string): void {
    const from = this.#ca;
    this.#ca = to;
    this.#onChange({ from, to, line });
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}

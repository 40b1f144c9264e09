import { checkPack, unpackChunk } from "#shared/pack";

/** Something that a secret could have got into, with where it was found. */
export interface Place {
  place: string;
  content: string | Uint8Array;
}

/** Shorter words are found by chance. */
const SHORTEST = 16;

/**
 * The byte sequences by which a value is found in whatever it was written into: as it is, escaped, and as a part of what was
 * encoded as a whole. Of a value of several lines, a key in PEM above all, each line gives it away.
 */
export function formsOf(value: string): Map<string, string> {
  const lines = value.split(/\r?\n/).filter((line) => line.length >= SHORTEST && !line.startsWith("-----"));
  const forms = new Map<string, string>();
  for (const text of new Set(lines.length > 1 ? lines : [value.trim()])) {
    if (text.length < SHORTEST) throw new Error(`a value of ${text.length} characters is no good to look for`);
    const bytes = Buffer.from(text);
    const json = JSON.stringify(text).slice(1, -1);
    const found = {
      plain: text,
      JSON: json,
      "JSON in JSON": JSON.stringify(json).slice(1, -1),
      // encodeURIComponent leaves some characters that others do not.
      URL: encodeURIComponent(text),
      "strict URL": encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`),
      form: new URLSearchParams({ "": text }).toString().slice(1),
      hex: bytes.toString("hex"),
      HEX: bytes.toString("hex").toUpperCase(),
      "base64 of base64": inBase64(Buffer.from(inBase64(bytes, 0)), 0),
    };
    for (const [name, form] of Object.entries(found)) if (!forms.has(form)) forms.set(form, name);
    for (const offset of [0, 1, 2]) {
      const form = inBase64(bytes, offset);
      forms.set(form, `base64 at ${offset}`);
      forms.set(form.replaceAll("+", "-").replaceAll("/", "_"), `base64url at ${offset}`);
    }
  }
  return forms;
}

/** What base64 makes of the bytes when `offset` others (modulo 3) stand before them: only the characters that the others do not touch. */
function inBase64(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
  return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

/** Looks for secrets, each by a word for what it is. */
export class Scanner {
  readonly #needles: { kind: string; form: string; bytes: Buffer }[];

  constructor(secrets: Record<string, string>) {
    this.#needles = Object.entries(secrets).flatMap(([kind, value]) =>
      [...formsOf(value)].map(([text, form]) => ({ kind, form, bytes: Buffer.from(text) })),
    );
  }

  /** `KIND (FORM) in PLACE` for everything that was found; what is compressed is looked into. */
  leaks({ place, content }: Place): string[] {
    const layers = unpacked(typeof content === "string" ? Buffer.from(content) : Buffer.from(content.buffer, content.byteOffset, content.byteLength));
    const found = this.#needles.filter(({ bytes }) => layers.some((layer) => layer.includes(bytes)));
    return [...new Set(found.map(({ kind, form }) => `${kind} (${form}) in ${place}`))];
  }
}

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** The bytes, and what they are when they are unpacked. */
function unpacked(bytes: Buffer): Buffer[] {
  if (bytes.subarray(0, 2).equals(GZIP)) return [bytes, ...unpacked(Buffer.from(Bun.gunzipSync(new Uint8Array(bytes))))];
  if (bytes.subarray(0, 4).equals(ZSTD)) return [bytes, ...unpacked(Buffer.from(Bun.zstdDecompressSync(bytes)))];
  return [bytes, ...chunksOf(bytes)];
}

/** What a pack of davit's S3 store holds; nothing for bytes that are no pack. */
function chunksOf(bytes: Buffer): Buffer[] {
  try {
    return checkPack(bytes).map(({ offset, stored, size }) => Buffer.from(unpackChunk(bytes.subarray(offset, offset + stored), size)));
  } catch {
    return [];
  }
}

import { Fault } from "#shared/fault";

/** `host[:port]/repository:tag`, taken apart. */
export type Reference = { host: string; repository: string; tag: string };

const PATTERN =
  /^(?<host>[a-zA-Z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)\/(?<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?<tag>[\w][\w.-]{0,127}))?$/;

/**
 * Reads where an image is to be pushed. The host has to be said: a short name would silently mean somebody's public registry.
 * @throws Fault usage
 */
export function parseReference(text: string): Reference {
  const { host, repository, tag } = PATTERN.exec(text)?.groups ?? {};
  if (host === undefined || repository === undefined || !/[.:]|^localhost$/.test(host))
    throw new Fault("usage", "REF has to be an image with its registry, such as registry.example.com/tools/davit:1.0");
  return { host, repository, tag: tag ?? "latest" };
}

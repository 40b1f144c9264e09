/** Text from elsewhere as lines that cannot move the cursor or colour what follows. */
export function plainLines(text: string): string[] {
  if (text === "") return [];
  return text.split("\n").map(plainLine);
}

/** One line of {@link plainLines}. Of a progress bar that draws over itself only the last state counts. */
export function plainLine(line: string): string {
  const last = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  return Bun.stripANSI(last).replace(/\p{Cc}/gu, (letter) => (letter === "\t" ? "  " : ""));
}

/** Rows below upper-case headers, aligned, without borders; numbers stand right. */
export function table(headers: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string[] {
  const text = rows.map((row) => row.map((cell) => (cell === null || cell === "" ? "-" : String(cell))));
  const widths = headers.map((header, column) => Math.max(header.length, ...text.map((row) => Bun.stringWidth(row[column] ?? ""))));
  const right = headers.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number" || row[column] === null));
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const space = " ".repeat(Math.max(0, (widths[column] ?? 0) - Bun.stringWidth(cell)));
        return right[column] ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [format(headers.map((header) => header.toUpperCase())), ...text.map(format)];
}

/** One measured figure. Without a target it only explains another one. */
export interface Figure {
  name: string;
  unit: "ms" | "MB" | "bytes" | "x" | "requests" | "answers";
  /** One value a repetition, in the order in which they were measured. */
  values: number[];
  /** The most that it may be. */
  target?: number;
  /** Whether the median has to keep to the target, or each single value. */
  judge?: "median" | "worst";
  /** How it was measured, where the name does not say it all. */
  note?: string;
}

/** How long each phase of some pushes took, each phase a figure. */
export function phaseFigures(of: string, runs: readonly { phases: Record<string, number> }[]): Figure[] {
  return Object.keys(runs[0]?.phases ?? {}).map((phase) => ({
    name: `  ${of}: ${phase}`,
    unit: "ms",
    values: runs.map(({ phases }) => phases[phase] ?? 0),
  }));
}

export interface Summary {
  median: number;
  min: number;
  max: number;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** `-` for what has no target. */
export function verdictOf(figure: Figure): "ok" | "over" | "-" {
  if (figure.target === undefined) return "-";
  const { median, max } = summarize(figure.values);
  return (figure.judge === "worst" ? max : median) <= figure.target ? "ok" : "over";
}

/** The figures as lines of aligned columns, what was noted about them below. */
export function table(figures: readonly Figure[]): string[] {
  const notes = [...new Set(figures.flatMap(({ note }) => (note === undefined ? [] : [note])))];
  const rows = figures.map((figure) => [
    figure.note === undefined ? figure.name : `${figure.name} (${notes.indexOf(figure.note) + 1})`,
    figure.target === undefined ? "" : `<= ${show(figure.target, figure)}`,
    spread(figure),
    verdictOf(figure),
  ]);
  const all = [["figure", "target", "median [min, max]", "verdict"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  return [...lines, ...notes.map((note, index) => `(${index + 1}) ${note}`)];
}

function spread(figure: Figure): string {
  const { median, min, max } = summarize(figure.values);
  return `${show(median, figure)} [${show(min, figure)}, ${show(max, figure)}]`;
}

function show(value: number, { unit }: Figure): string {
  if (unit === "x") return `${value.toFixed(2)}x`;
  if (unit === "bytes" || unit === "requests" || unit === "answers") return `${Math.round(value)} ${unit}`;
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

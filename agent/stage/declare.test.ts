import { expect, test } from "bun:test";
import { declare } from "./declare.ts";

const ARG = "ARG A=/a B=/b";
const declared = (...lines: string[]) => declare(lines.join("\n"), { A: "/a", B: "/b" }).text.split("\n");

test("every stage declares the variables, and nothing else changes", () => {
  expect(declared("# a comment", "ARG V=1", "FROM bun:$V AS build", "RUN x", "", "from busybox", "COPY --from=build /x /x", "")).toEqual([
    "# a comment",
    "ARG V=1",
    "FROM bun:$V AS build",
    ARG,
    "RUN x",
    "",
    "from busybox",
    ARG,
    "COPY --from=build /x /x",
    "",
  ]);
});

test("a FROM that goes on over lines and comments ends where it ends", () => {
  expect(declared("FROM \\", "# why this one", "", "  busybox \\  ", "  AS x", "RUN y")).toEqual([
    "FROM \\",
    "# why this one",
    "",
    "  busybox \\  ",
    "  AS x",
    ARG,
    "RUN y",
  ]);
  expect(
    declared("# syntax=docker/dockerfile:1", "# escape=`", "FROM `", "  windows", "RUN C:\\", "FROM x").filter((line) => line === ARG),
  ).toHaveLength(2);
});

test.each([
  ["in a command that goes on", ["FROM a", "RUN echo \\", "FROM b"]],
  ["in a heredoc", ["FROM a", "COPY <<EOF <<-'LAST' /x/", "FROM b", "EOF", "FROM c", "\tLAST"]],
  ["in a heredoc that a continued command begins", ["FROM a", "RUN set -e; \\", "  cat <<EOF", "FROM b", "EOF"]],
  ["in a comment", ["FROM a", "# FROM b"]],
])("a FROM %s is none", (_, lines) => {
  expect(declared(...lines)).toEqual([lines[0] ?? "", ARG, ...lines.slice(1)]);
});

test.each(["RUN echo $((1<<4))", 'RUN cat <<<"text"', "RUN echo '<<EOF'", "CMD x <<EOF"])("%s begins no heredoc", (run) => {
  expect(declared("FROM a", run, "FROM b").filter((line) => line === ARG)).toHaveLength(2);
});

test("lines ended as on Windows are read", () => {
  expect(declared("FROM a\r", "RUN cat <<E\r", "FROM b\r", "E\r", "FROM c\r").filter((line) => line === ARG)).toHaveLength(2);
});

test("a line is told by its number in the Dockerfile as it was", () => {
  const { text, lineBefore } = declare("FROM a\nRUN x\nFROM \\\nb\nRUNN y\n", { A: "/a" });
  const lines = text.split("\n");
  expect(["RUN x", "b", "RUNN y"].map((line) => lineBefore(lines.indexOf(line) + 1))).toEqual([2, 4, 5]);
});

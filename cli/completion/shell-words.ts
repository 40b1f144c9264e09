/**
 * The words of a shell's line up to the cursor, quotes and backslashes taken away; the last one is what is being typed,
 * "" after a blank. Bash itself would cut words at each of COMP_WORDBREAKS.
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  let inside = false;
  for (let index = 0; index < line.length; index++) {
    const letter = line[index] ?? "";
    if (letter === "\\" && quote !== "'") {
      word += line[++index] ?? "";
      inside = true;
    } else if (quote === "" ? letter === "'" || letter === '"' : letter === quote) {
      quote = quote === "" ? letter : "";
      inside = true;
    } else if (quote === "" && /\s/.test(letter)) {
      if (inside) words.push(word);
      word = "";
      inside = false;
    } else {
      word += letter;
      inside = true;
    }
  }
  return [...words, word];
}

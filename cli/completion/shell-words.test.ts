import { expect, test } from "bun:test";
import { shellWords } from "./shell-words.ts";

test.each<[string, string[]]>([
  ["", [""]],
  ["davit", ["davit"]],
  ["davit ", ["davit", ""]],
  ["davit  app\tsh", ["davit", "app", "sh"]],
  ["a 'b c' \"d e\" f\\ g", ["a", "b c", "d e", "f g"]],
  ["a '' \"\" ", ["a", "", "", ""]],
  ["a 'still open", ["a", "still open"]],
  ['a "it\'s \\"so\\"', ["a", 'it\'s "so"']],
  ["--path=a\\ b'c d'e", ["--path=a bc de"]],
  ["a '\\'", ["a", "\\"]],
  ["end\\", ["end"]],
])("%p", (line, words) => {
  expect(shellWords(line)).toEqual(words);
});

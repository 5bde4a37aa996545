// A line as it is typed in the shell, taken apart: words between blanks, where "two words" and key="two words" are one.
// A quote inside a word, as in Paul's, is a letter. There are no escapes.

import { MisuseError } from "../../base/errors.ts";

/** A word of a line. */
export interface Word {
  readonly text: string;
  /** It stood in quotes: never an option. */
  readonly quoted: boolean;
}

const WORD = /([^\s"'=]+=)?(?:"([^"]*)"|'([^']*)')(?=\s|$)|\S+/g;

/** The words of a line. @throws MisuseError for a quote that is not closed */
export function wordsOf(line: string): Word[] {
  return [...line.matchAll(WORD)].map(([all, key = "", double, single]) => {
    const inside = double ?? single;
    if (inside !== undefined) return { text: key + inside, quoted: true };
    if (/^([^\s"'=]+=)?["']/.test(all)) {
      throw new MisuseError(`Cannot read the line: the quote at ${all.slice(0, 20)} is not closed … close it`);
    }
    return { text: all, quoted: false };
  });
}

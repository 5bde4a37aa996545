// Lines from the keyboard, with history, editing and completion by Tab, or from a pipe or file. Ctrl-C and Ctrl-D are the
// end of them.

import process from "node:process";
import { createInterface } from "node:readline";

/** A source of lines. */
export interface Lines {
  /** The next one; null at the end, and for ever after. */
  next(): Promise<string | null>;
  close(): void;
}

/** Lines of standard input. @param complete the words that may stand at the end of a line, and what of them is there */
export function openLines(prompt: string, complete: (line: string) => [string[], string]): Lines {
  const asked = Boolean(process.stdin.isTTY && process.stdout.isTTY);
  const reader = createInterface({
    input: process.stdin,
    ...(asked ? { output: process.stdout, completer: complete, prompt } : {}),
    terminal: asked && process.env["TERM"] !== "dumb", // a dumb one edits its lines itself
  });
  const lines = reader[Symbol.asyncIterator](); // from the start: lines that come early are kept
  let ended = false;
  const close = () => {
    if (!ended) Deno.removeSignalListener("SIGINT", close); // the next one ends the program
    ended = true;
    reader.close();
  };
  reader.on("SIGINT", close); // the key in a terminal, which is no signal there
  Deno.addSignalListener("SIGINT", close);
  reader.on("close", () => {
    if (asked) process.stdout.write("\n"); // the shell's prompt begins on a line of its own
  });
  return {
    async next() {
      if (ended) return null;
      if (asked) reader.prompt();
      const { value, done } = await lines.next();
      return done ? null : value;
    },
    close,
  };
}

// `explore RESULTS`: an interactive shell over results. What its commands answer is harness/cli/explore/*; here the
// results are read, and the shell gets its terminal.

import process from "node:process";
import type { Command } from "commander";
import { readLive } from "../report/live/read_live.ts";
import { studyOf } from "../stats/study.ts";
import { shellCommands } from "./explore/commands.ts";
import type { Display } from "./explore/exploration.ts";
import { openLines } from "./explore/lines.ts";
import { listText } from "./explore/list.ts";
import { plotMetrics } from "./explore/plot.ts";
import { QuestionEmbedder } from "./explore/question_embedder.ts";
import { runShell } from "./explore/shell.ts";
import { visiblePage, visibleText } from "../base/visible_text.ts";

/** Adds the command to the program; `done` takes the exit code. */
export function addExplore(program: Command, done: (exitCode: number) => void): void {
  program.command("explore")
    .description("Look around in results, interactively: arms, cells, answers, memories, charts in the terminal.")
    .argument("<results>", "folder of an experiment, also while it runs, or a bundle of its records")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
Commands: list, show, compare, samples, neighbours, plot, help, quit. \`help samples\` says more of one.
A word with blanks stands in quotes. Ctrl-C and Ctrl-D end the shell.
Commands may come through a pipe; then there is no prompt, and charts are drawn in ASCII.

Examples:
  deno task explore results/arithmetic-embedded-quick-1a2b3c4d
  printf 'list\\nquit\\n' | deno task explore results/arithmetic-embedded-quick-1a2b3c4d
  echo 'samples @wrong only=memory-r+ not=grpo' | deno task explore results/arithmetic-embedded-quick-1a2b3c4d | less
  echo 'plot correctness grpo memory-r+' | deno task explore results/arithmetic-embedded-quick-1a2b3c4d
`,
    )
    .action(async (path: string) => done(await explore(path)));
}

async function explore(path: string): Promise<number> {
  const results = await readLive(path), exploration = { results, study: studyOf(results) };
  const embedder = new QuestionEmbedder();
  const commands = shellCommands(exploration, display, (record, text) => embedder.embed(record, text));
  const names = [...Object.keys(commands), "help", "quit"];
  const words = [...names, ...exploration.study.arms.map(({ arm }) => arm), ...plotMetrics(exploration)]
    .filter((word) => word === visibleText(word)); // a terminal is shown them as they are
  const lines = openLines("matchbox> ", (line) => {
    const fragment = /\S*$/.exec(line)?.[0] ?? "";
    return [(fragment === line ? names : words).filter((word) => word.startsWith(fragment)), fragment];
  });
  try {
    if (process.stdin.isTTY) console.log(`${visiblePage(listText(exploration, false))}\n\nhelp says what there is.`);
    await runShell(commands, {
      next: () => lines.next(),
      print: (text) => console.log(`${text}\n`),
      complain: (text) => console.error(`error: ${text}`),
    });
    return 0;
  } finally {
    lines.close();
    await embedder.close();
  }
}

/** ASCII for pipes, dumb terminals and locales that are not UTF-8. */
function display(): Display {
  const { TERM, LC_ALL, LC_CTYPE, LANG } = process.env;
  const utf8 = Deno.build.os === "windows" || /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
  return {
    width: Math.max(40, process.stdout.isTTY ? process.stdout.columns || 80 : 80),
    unicode: Boolean(process.stdout.isTTY) && TERM !== "dumb" && utf8,
  };
}

// A command in this process, in a folder, with what it printed by console; what commander prints itself (--help) it
// writes past that.

import { Command } from "commander";
import { main } from "../../harness/cli/main.ts";

/** What came of a command. */
export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `matchbox <args>` in a folder. */
export async function captured(folder: string, ...args: readonly string[]): Promise<Captured> {
  const { log, error } = console, before = Deno.cwd();
  let stdout = "", stderr = "";
  console.log = (text: unknown) => stdout += `${text}\n`;
  console.error = (text: unknown) => stderr += `${text}\n`;
  Deno.chdir(folder);
  try {
    return { code: await main(args), stdout, stderr };
  } finally {
    Deno.chdir(before);
    Object.assign(console, { log, error });
  }
}

/** Runs one command. @throws what the program would turn into a sentence */
export async function ran(
  add: (program: Command, done: (exitCode: number) => void) => void,
  ...args: readonly string[]
): Promise<Captured> {
  const { log, error } = console, printed = { stdout: "", stderr: "" };
  console.log = (text: unknown) => printed.stdout += `${text}\n`;
  console.error = (text: unknown) => printed.stderr += `${text}\n`;
  try {
    let code = -1;
    const program = new Command("matchbox").exitOverride();
    add(program, (exitCode) => code = exitCode);
    program.commands[0]!.configureOutput({ writeOut: (text) => printed.stdout += text, writeErr: () => {} });
    await program.parseAsync(args, { from: "user" });
    return { code, ...printed };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** What a command's --help prints. */
export function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => text += part });
  command.outputHelp();
  return text;
}

/** The examples in a command's --help as arguments: what follows "deno task ". */
export function examplesOf(help: string): string[][] {
  const [, examples = ""] = /\nExamples?:\n([^]*?)(?:\n\n|\n*$)/.exec(help) ?? [];
  return examples.split("\n").flatMap((line) => /^ {2}(?:.* \| )?deno task (\S[^|]*)/.exec(line)?.[1] ?? [])
    .map((line) => words(line.split(/ {2,}/)[0]!.trim()));
}

/** A line as a shell takes it apart: blanks, and double quotes around some. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

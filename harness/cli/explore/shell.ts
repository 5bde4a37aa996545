// The shell around the commands. cliffy (https://github.com/drew-y/cliffy) holds the loop, takes a line apart and runs the
// command. It is fed one line at a time, each time it prompts, because it
//
//   - loses lines that arrive while a command runs, and does not notice the end of its input;
//   - drops every character of an unquoted word but letters, digits, _ @ - and . ("memory-r+" becomes "memory-r");
//   - finds commands in Object.prototype ("constructor"), and answers a mistake with a page of help, not with what it was.
//
// So a line is checked before it is handed on, its words travel as hexadecimal, and help is ours. The only import of
// cliffy.

import { Buffer } from "node:buffer";
import { PassThrough, Writable } from "node:stream";
// @ts-types="./cliffy.d.ts"
import { CLI } from "cliffy";
import { FailureError, MisuseError } from "../../base/errors.ts";
import { suggest } from "../../base/suggest.ts";
import type { ShellCommand } from "./commands.ts";
import { commandHelp, helpText } from "./help.ts";
import { visiblePage, visibleText } from "../../base/visible_text.ts";
import { type Word, wordsOf } from "./words.ts";

/** What the shell talks to. */
export interface ShellIo {
  /** The next line; null at the end. */
  next(): Promise<string | null>;
  /** An answer. */
  print(text: string): void;
  /** What went wrong, one sentence. */
  complain(text: string): void;
}

type Commands = Readonly<Record<string, ShellCommand>>;

/** Names that end the shell. */
const ENDS: readonly string[] = ["quit", "exit"];
/** What `help` is called where cliffy's own must not be found. */
const HELP = "manual";

/** Answers line by line until the end or `quit`. Errors of commands are told and do not end it; defects do. */
export function runShell(commands: Commands, io: ShellIo): Promise<void> {
  return new Promise((resolve, reject) => {
    const input = new PassThrough();
    const end = () => {
      cli.hide();
      input.end();
      resolve();
    };
    const feed = async () => {
      const line = await nextGood(commands, io);
      if (line === null) end();
      else input.write(`${line}\n`);
    };
    const output = new Writable({
      write(_prompt, _encoding, done) {
        done();
        feed().catch(reject);
      },
    });
    const cli = new CLI({ input, output, quietBlank: true });
    for (const [name, command] of Object.entries({ ...commands, [HELP]: helpOf(commands) })) {
      addCommand(cli, name, command, io, reject);
    }
    for (const name of ENDS) cli.addCommand(name, { action: end });
    cli.show();
  });
}

/** The next line that cliffy can be given; null at the end. */
async function nextGood(commands: Commands, io: ShellIo): Promise<string | null> {
  while (true) {
    const line = await io.next();
    if (line === null) return null;
    try {
      const encoded = encodeLine(line, commands);
      if (encoded !== null) return encoded;
    } catch (error) {
      tell(error, io);
    }
  }
}

/**
 * The line as cliffy can read it; null for a blank one.
 * @throws MisuseError where it is no command, or has words or options that the command does not know
 */
function encodeLine(line: string, commands: Commands): string | null {
  const [first, ...rest] = wordsOf(line);
  if (first === undefined) return null;
  const own: Commands = { ...commands, help: helpOf(commands) };
  const names = [...Object.keys(own), ...ENDS], name = first.text;
  if (!names.includes(name)) {
    throw new MisuseError(
      `Cannot run "${visibleText(name, 60)}": the commands are ${names.join(", ")}${suggest(name, names)}`,
    );
  }
  const command = own[name];
  const isOption = ({ text, quoted }: Word) => !quoted && text.startsWith("@");
  const known = Object.keys(command?.options ?? {}).map((option) => `@${option}`);
  const options = rest.filter(isOption).map(({ text }) => text), words = rest.filter((word) => !isOption(word));
  for (const option of options) {
    if (known.includes(option)) continue;
    const there = known.length === 0 ? "it has no options" : `its options are ${known.join(", ")}`;
    throw new MisuseError(`Cannot use ${visibleText(option, 40)} with ${name}: ${there}${suggest(option, known)}`);
  }
  const most = command?.most ?? 0;
  if (words.length > most) {
    const takes = most === 0 ? "it takes no words" : `it takes ${command?.usage}`;
    throw new MisuseError(
      `Cannot run ${name} with "${visibleText(words[most]?.text ?? "", 40)}": ${takes} … quote what belongs together`,
    );
  }
  return [name === "help" ? HELP : name, ...options, ...words.map(({ text }) => encodeWord(text))].join(" ");
}

function helpOf(commands: Commands): ShellCommand {
  return {
    description: "",
    usage: "[command]",
    most: 1,
    options: {},
    examples: [],
    answer([about]) {
      const command = about !== undefined && Object.hasOwn(commands, about) ? commands[about] : undefined;
      if (about === undefined) return helpText(commands);
      if (command) return commandHelp(about, command);
      const names = Object.keys(commands);
      throw new MisuseError(
        `Cannot help with "${visibleText(about, 60)}": the commands are ${names.join(", ")}${suggest(about, names)}`,
      );
    },
  };
}

const encodeWord = (text: string) => `w${Buffer.from(text).toString("hex")}`;
const decodeWord = (word: string) => Buffer.from(word.slice(1), "hex").toString();

function addCommand(
  cli: CLI,
  name: string,
  command: ShellCommand,
  io: ShellIo,
  reject: (error: unknown) => void,
): void {
  const { options } = command;
  cli.addCommand(name, {
    options: Object.keys(options),
    parameters: [{ label: "words", type: decodeWord, rest: true }],
    async action({ words }, flags) {
      try {
        const asked = new Set(Object.keys(options).filter((option) => flags[option]));
        io.print(visiblePage(await command.answer(words, asked)));
      } catch (error) {
        if (error instanceof MisuseError || error instanceof FailureError) tell(error, io);
        else reject(error); // cliffy would print it and go on
      }
    },
  });
}

function tell(error: unknown, io: ShellIo): void {
  if (!(error instanceof MisuseError || error instanceof FailureError)) throw error;
  io.complain(visiblePage(error.message));
}

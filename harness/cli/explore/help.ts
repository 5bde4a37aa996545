// `help`: what commands there are, or more of one of them.

import { alignColumns } from "../format.ts";
import type { ShellCommand } from "./commands.ts";

type Commands = Readonly<Record<string, ShellCommand>>;

/** All commands. */
export function helpText(commands: Commands): string {
  const rows = Object.entries(commands).map(([name, { description }]) => [name, description]);
  return [
    alignColumns([...rows, ["help", "this, or more of a command: help samples"], ["quit", "end, as Ctrl-D does"]], 2),
    "",
    'A word with blanks stands in quotes: "two words", text="two words".',
  ].join("\n");
}

/** One of them. */
export function commandHelp(name: string, { description, usage, options, examples }: ShellCommand): string {
  const rows = Object.entries(options).map(([option, meaning]) => [`  @${option}`, meaning]);
  return [
    `${name} ${usage}`.trimEnd(),
    `  ${description}`,
    ...(rows.length === 0 ? [] : ["", "Options:", alignColumns(rows, 2)]),
    "",
    "Examples:",
    ...examples.map((example) => `  ${example}`),
  ].join("\n");
}

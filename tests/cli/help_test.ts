// Each command shows examples that the command line takes as they stand, and that name a task of deno.json. The commands'
// own tests run them.

import { equal, ok } from "node:assert/strict";
import type { Command } from "commander";
import deno from "../../deno.json" with { type: "json" };
import { programOf } from "../../harness/cli/main.ts";
import { examplesOf, helpOf } from "./captured.ts";

/** A command and those below it. */
const withSubcommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withSubcommands)];

/** The program with commands that do nothing. */
function idle(): Command {
  const program = programOf(() => {});
  for (const command of withSubcommands(program)) {
    command.exitOverride();
    if (command.commands.length === 0) command.action(() => {});
  }
  return program;
}

const tasks = new Set(Object.keys(deno.tasks));
const commands = withSubcommands(idle()).filter((command) => command.name() !== "help");

Deno.test("every command is a task of deno.json", () => {
  const names = idle().commands.map((command) => command.name()).filter((name) => name !== "help");
  equal(names.length > 10, true);
  for (const name of names) ok(tasks.has(name), name);
});

for (const command of commands) {
  const path = command.parent ? `${command.parent.name()} ${command.name()}` : command.name();
  Deno.test(`${path} --help shows examples that the command line takes`, async () => {
    const examples = examplesOf(helpOf(command));
    ok(examples.length > 0, "there is none");
    for (const example of examples) {
      if (example.includes("--help")) continue;
      await idle().parseAsync(example, { from: "user" }); // throws for an unknown option or a missing argument
    }
  });
}

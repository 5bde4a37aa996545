// The shell in this process, fed line by line: what reaches a command, and that nothing but the end ends it.

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { ShellCommand } from "../../../harness/cli/explore/commands.ts";
import { commandHelp } from "../../../harness/cli/explore/help.ts";
import { runShell } from "../../../harness/cli/explore/shell.ts";
import { FailureError, MisuseError } from "../../../harness/base/errors.ts";

const command = (answer: ShellCommand["answer"], most = Infinity, options = {}): ShellCommand => ({
  description: "what it does",
  usage: "<word ...>",
  most,
  options,
  examples: ["echo hello"],
  answer,
});

const commands: Readonly<Record<string, ShellCommand>> = {
  echo: command((words, options) => JSON.stringify([words, [...options]]), Infinity, { loud: "louder", low: "lower" }),
  one: command((words) => String(words.length), 1),
  none: command(() => "nothing", 0),
  slow: command(() => new Promise((resolve) => setTimeout(() => resolve("slow"), 30))),
  wrong: command(() => {
    throw new MisuseError("Cannot do it: \x1b[2J");
  }),
  failing: command(() => Promise.reject(new FailureError("Cannot read it: it is gone"))),
  defect: command(() => Promise.reject(new TypeError("a defect"))),
  hostile: command(() => "a\x1b[31m\u202e\nb"),
};

/** Everything that was said while the lines were answered; complaints begin with !. */
async function said(...lines: string[]): Promise<string[]> {
  const found: string[] = [], source = lines.values();
  await runShell(commands, {
    next: () => Promise.resolve(source.next().value ?? null),
    print: (text) => found.push(text),
    complain: (text) => found.push(`!${text}`),
  });
  return found;
}

Deno.test("runShell() answers every line in its turn, slow ones too, and ends with its input", async () => {
  deepEqual(await said("slow", "one", "slow", "one x"), ["slow", "0", "slow", "1"]);
  deepEqual(await said(), []);
  deepEqual(await said("", "   ", "none"), ["nothing"]);
});

Deno.test("runShell() ends at quit and exit", async () => {
  deepEqual(await said("one", "quit", "one"), ["0"]);
  deepEqual(await said("exit", "one"), []);
});

Deno.test("runShell() hands words on as they were typed, whatever they hold", async () => {
  const words = [
    "memory-r+,order=as-released",
    "-5",
    "a/b\\c",
    "Ünïcode–漢字",
    "🍎",
    "it's",
    "w00",
    "<&>",
    "$(x)",
    "%",
  ];
  deepEqual(await said(`echo ${words.join(" ")}`), [JSON.stringify([words, []])]);
  deepEqual(await said(`echo "two words" 'with "quotes"' text="a b"`), [
    JSON.stringify([["two words", 'with "quotes"', "text=a b"], []]),
  ]);
});

Deno.test("runShell() knows options by their @, wherever they stand, unless they are quoted", async () => {
  deepEqual(await said(`echo @low a @loud "@loud"`), [JSON.stringify([["a", "@loud"], ["loud", "low"]])]);
  match(
    (await said("echo @lod"))[0] ?? "",
    /^!Cannot use @lod with echo: its options are @loud, @low \(did you mean "@loud"\?\)$/,
  );
  match((await said("none @x"))[0] ?? "", /^!Cannot use @x with none: it has no options$/);
});

Deno.test("runShell() tells a mistake in one sentence and goes on", async () => {
  deepEqual(await said("wrong", "failing", "none"), [
    "!Cannot do it: \\x1b[2J",
    "!Cannot read it: it is gone",
    "nothing",
  ]);
  for (const line of ["nope", "constructor", "__proto__", "toString", "hasOwnProperty", "manual", "'qu it'", "@loud"]) {
    const [complaint, after] = await said(line, "none");
    match(complaint ?? "", /^!Cannot run ".*": the commands are echo, .*, help, quit, exit/, line);
    equal(after, "nothing", line);
  }
  match((await said("eco"))[0] ?? "", /did you mean "echo"/);
  match(
    (await said("one a b"))[0] ?? "",
    /^!Cannot run one with "b": it takes <word \.\.\.> … quote what belongs together$/,
  );
  match((await said("none a"))[0] ?? "", /it takes no words/);
  match((await said('echo "a'))[0] ?? "", /^!Cannot read the line: the quote at "a is not closed/);
});

Deno.test("runShell() prints no control character of an answer", async () => {
  deepEqual(await said("hostile"), ["a\\x1b[31m\\u{202e}\nb"]);
});

Deno.test("runShell() helps with all commands and with each", async () => {
  const [all, one, wrong] = await said("help", "help echo", "help constructor");
  for (const name of [...Object.keys(commands), "help", "quit"]) match(all ?? "", new RegExp(`^${name} `, "m"));
  equal(one, commandHelp("echo", commands["echo"]!));
  match(
    one ?? "",
    /^echo <word \.\.\.>\n {2}what it does\n\nOptions:\n {2}@loud {2}louder\n {2}@low {3}lower\n\nExamples:\n {2}echo hello$/,
  );
  match(wrong ?? "", /^!Cannot help with "constructor"/);
});

Deno.test("runShell() lets a defect through", async () => {
  await rejects(said("defect", "none"), /TypeError: a defect/);
});

// What the README says of options, config fields and files is what there is.

import { deepEqual, equal } from "node:assert/strict";
import { existsSync } from "node:fs";
import { Command } from "commander";
import { addBench } from "../harness/cli/bench.ts";
import { addEval } from "../harness/cli/eval.ts";
import { configFields } from "../harness/config.ts";
import { root } from "./sources.ts";

const readme = Deno.readTextFileSync(new URL("README.md", root));

/** Cells of the table whose first heading is `heading`, without heading and rule. */
function tableOf(heading: string): string[][] {
  const lines = readme.split("\n");
  const start = lines.findIndex((line) => new RegExp(`^\\| ${heading} +\\|`).test(line));
  const table = lines.slice(start, lines.findIndex((line, i) => i > start && !line.startsWith("|")));
  return table.slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("README lists every config field as harness/config.ts has it", () => {
  const rows = configFields.map((field) => [`\`${field.key}\``, `${field.default}`, field.range, field.description]);
  const remedy = rows.map((row) => `| ${row.join(" | ")} |\n`).join("");
  deepEqual(tableOf("field"), rows, `the table's rows must be these (then run \`deno fmt README.md\`):\n${remedy}`);
});

Deno.test("README lists the options of bench", () => {
  const program = new Command();
  addBench(program, () => {});
  deepEqual(
    tableOf("option").map(([option]) => option),
    program.commands[0]?.options.map(({ flags }) => `\`${flags}\``),
  );
});

Deno.test("README lists the options of eval", () => {
  const program = new Command();
  addEval(program, () => {});
  deepEqual(
    tableOf("flag").map(([option]) => option),
    program.commands[0]?.options.map(({ flags }) => `\`${flags}\``),
  );
});

Deno.test("README's tree names files that exist, and every room", () => {
  const tree = /## The tree\n\n```\n([^]*?)```/.exec(readme)?.[1]?.trimEnd().split("\n") ?? [];
  const folders: string[] = [], paths: string[] = [];
  for (const line of tree) {
    const [, indent = "", name = ""] = /^( *)(\S+)/.exec(line) ?? [];
    folders.length = indent.length / 2;
    paths.push([...folders, name].join(""));
    if (name.endsWith("/")) folders.push(name);
  }
  equal(paths.length > 50, true);
  deepEqual(paths.filter((path) => !existsSync(new URL(path, root))), []);
  const rooms = [...Deno.readDirSync(new URL("harness/", root))].filter((entry) => entry.isDirectory);
  deepEqual(rooms.map(({ name }) => `harness/${name}/`).filter((room) => !paths.includes(room)), []);
});

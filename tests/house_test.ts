// Small rules of the house that neither compiler nor linter checks. Patterns here are written so that they do not find
// themselves.

import { deepEqual, equal } from "node:assert/strict";
import { codeOf, findSources, root } from "./sources.ts";

/** What no source may contain: in its code, or anywhere. */
const bans: readonly { readonly pattern: RegExp; readonly anywhere?: true; readonly why: string }[] = [
  { pattern: /\bMath\.random\b|\bgetRandomValues\b|\brandom(?:UUID|Bytes)\b/, why: "randomness is an argument" },
  { pattern: /\bas any\b|:\s*any\b|<any\b|\bany\[\]/, why: "there is always a type" },
  { pattern: /\bas unknown as\b/, why: "a cast needs a check" },
  { pattern: /^export\s+default\b/m, why: "exports have names" },
  { pattern: /\bTO(?:DO)\b|\bFIX(?:ME)\b|\bXX(?:X)\b/, anywhere: true, why: "what is here is finished" },
  { pattern: /@ts-(?:ignore|expect-error|nocheck)/, anywhere: true, why: "type errors are mended" },
  { pattern: /\.only\(|\bonly:\s*true/, why: "all tests run" },
];

/** Reads the clock: what a rerun cannot repeat. `performance.now` measures durations and is free. */
const clock = /\bDate\.now\b|\bnew Date\(\s*\)|(?<!new )\bDate\(\)|\bperformance\.timeOrigin\b|\bTemporal\.Now\b/;

/** Records and measurements say when they were made. */
const clockOwners = [
  "harness/experiment/run_cell.ts",
  "harness/experiment/run_evaluation.ts",
  "harness/experiment/run_experiment.ts",
  "tests/peers/gpu_bench.ts",
];

/** "file:line: …" for each match of a pattern. */
function matches(file: string, text: string, pattern: RegExp, why: string): string[] {
  return [...text.matchAll(new RegExp(pattern, pattern.flags + "g"))].map(({ 0: found, index }) =>
    `${file}:${text.slice(0, index).split("\n").length}: "${found}": ${why}`
  );
}

function banned(file: string, text: string): string[] {
  const code = codeOf(text);
  const found = bans.flatMap(({ pattern, anywhere, why }) => matches(file, anywhere ? text : code, pattern, why));
  return clockOwners.includes(file) ? found : [...found, ...matches(file, code, clock, "the clock has its owners")];
}

const sources = findSources("harness", "tasks", "mod.ts", "tests");
const read = (file: string) => Deno.readTextFileSync(new URL(file, root));

Deno.test("no source contains what the house bans", () => {
  deepEqual(sources.filter((file) => file !== "tests/house_test.ts").flatMap((file) => banned(file, read(file))), []);
});

Deno.test("each owner of the clock reads it", () => {
  deepEqual(clockOwners.filter((file) => !clock.test(codeOf(read(file)))), []);
});

Deno.test("files are named in snake_case, after what they hold, and begin with what they are", () => {
  const name = /^(?:[a-z0-9_]+\/)*(?!utils?\.|helpers?\.)[a-z0-9_]+\.ts$/;
  deepEqual(sources.filter((file) => !name.test(file)), []);
  deepEqual(sources.filter((file) => !file.endsWith("_test.ts") && !/^\/[/*]/.test(read(file))), []);
});

Deno.test("banned() finds each banned thing, with its line", () => {
  const lines = [
    "const a = Math.random();",
    "const b = value as any;",
    "const c: any = 1;",
    "const d = value as unknown as string;",
    "export default 1;",
    "// TO" + "DO: later",
    "// @ts-" + "ignore",
    "Deno.test.only('x', () => {});",
    "const e = Date.now();",
    "const f = new Date();",
  ];
  const found = banned("x.ts", "\n" + lines.join("\n")).map((message) => Number(message.split(":")[1]) - 2);
  deepEqual(found.sort((a, b) => a - b), lines.map((_, i) => i));
  deepEqual(
    banned("x.ts", "// never Math.random, as any\nconst day = new Date(0), many: string = performance.now();"),
    [],
  );
  deepEqual(banned("harness/experiment/run_cell.ts", "new Date()"), []);
});

Deno.test("codeOf() blanks comments and keeps strings, lines and regular expressions", () => {
  equal(codeOf('a("//x"); // y\n/* z\n*/ b'), 'a("//x");     \n    \n   b');
  equal(codeOf('f(/[/"]/); // y'), 'f(/[/"]/);     ');
  equal(codeOf("`// ${a}`; 4 / 2 // y"), "`// ${a}`; 4 / 2     ");
});

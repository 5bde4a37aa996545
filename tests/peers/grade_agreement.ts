// How far the graders agree with labels that follow from the gold: a gold solution is right, and a gold answer that was
// disturbed in one of five ways is wrong. Every disagreement is printed; nothing is sampled. Also how long 10,000 GSM8K
// grades take. Files are read where they lie: --data-dir is a folder with gsm8k/, math/ and math500/.

import { join } from "node:path";
import { Command } from "commander";
import { alignColumns } from "../../harness/cli/format.ts";
import type { Grade, Task, TaskItem } from "../../harness/contract.ts";
import { ItemRow, readItemFile } from "../../tasks/item_file.ts";
import { extractLeniently } from "../../tasks/math/extract.ts";
import { gradeMath } from "../../tasks/math/grade.ts";
import { gsm8k } from "../../tasks/gsm8k.ts";
import { math500 } from "../../tasks/math500.ts";

/** A disturbed gold answer; null where the disturbance does not apply to it, such as digits of a word. */
type Disturbance = (gold: string, others: readonly string[], place: number) => string | null;

const oneMore = (digits: string) => `${BigInt(digits) + 1n}`.padStart(digits.length, "0");

/** The five ways. */
const disturbances: Readonly<Record<string, Disturbance>> = {
  "first number plus one": (gold) => changed(gold, gold.replace(/\d+/, oneMore)),
  "last number plus one": (gold) => changed(gold, gold.replace(/\d+(?=\D*$)/, oneMore)),
  "a digit more": (gold) => changed(gold, gold.replace(/\d(?=\D*$)/, "$&1")),
  // Only of what is one value: a list, an interval or a word has no opposite.
  "opposite sign": (gold) =>
    /^[^,=:\[&]*$/.test(gold) && !/text|pm|^0$|[a-z]{4}.*matrix/.test(gold) ? opposite(gold) : null,
  "another item's gold": (gold, others, place) => {
    const bare = (text: string) => text.replace(/[\s$\\!,]|left|right/g, "");
    for (let step = 1; step < others.length; step++) {
      const other = others[(place + step) % others.length]!;
      if (bare(other) !== bare(gold)) return other;
    }
    return null;
  },
};

const changed = (before: string, after: string) => after === before ? null : after;
const opposite = (gold: string) => /^-[^+-]*$/.test(gold) ? gold.slice(1) : `-(${gold.replace(/^\\\$/, "")})`;

interface Tally {
  readonly name: string;
  agreed: number;
  readonly disagreed: string[];
}

function judge(tally: Tally, grade: Grade, right: boolean, shown: string): void {
  if ((grade.status === "correct") === right) tally.agreed++;
  else tally.disagreed.push(`${shown} is graded ${grade.status}`);
}

function measure(task: Task, grade: Task["grade"], items: readonly TaskItem[], solutions: readonly string[]): Tally[] {
  const golds = items.map(({ gold }) => gold);
  const of = (name: string): Tally => ({ name, agreed: 0, disagreed: [] });
  const solved = of("gold solution"), stated = of("gold answer respelled");
  const disturbed = Object.entries(disturbances).map(([name, disturb]) => ({ disturb, tally: of(name) }));
  for (const [place, item] of items.entries()) {
    const graded = (answer: string) => grade(item, task.answer(item, answer), false);
    const found = extractLeniently(solutions[place] ?? "") ?? "";
    judge(solved, graded(found), true, `${item.id}: the solution's "${found}" for "${item.gold}"`);
    const respelled = `$${item.gold.replaceAll("\\frac", "\\dfrac ").replace(/ ?= ?/g, " = ")}$.`;
    judge(stated, graded(respelled), true, `${item.id}: "${respelled}" for "${item.gold}"`);
    for (const { disturb, tally } of disturbed) {
      const answer = disturb(item.gold, golds, place);
      if (answer !== null) judge(tally, graded(answer), false, `${item.id}: "${answer}" for "${item.gold}"`);
    }
  }
  return [solved, stated, ...disturbed.map(({ tally }) => tally)];
}

function print(title: string, tallies: readonly Tally[]): void {
  const counts = (agreed: number, n: number) => [`${agreed}`, `${n}`, `${(100 * agreed / n).toFixed(2)} %`];
  const total = (pick: (tally: Tally) => number) => tallies.reduce((sum, tally) => sum + pick(tally), 0);
  const rows = tallies.map(({ name, agreed, disagreed }) => [name, ...counts(agreed, agreed + disagreed.length)]);
  const agreed = total((tally) => tally.agreed), disagreed = total((tally) => tally.disagreed.length);
  console.log(title);
  console.log(alignColumns([["", "agreed", "of", ""], ...rows, ["all", ...counts(agreed, agreed + disagreed)]]));
  for (const { name, disagreed } of tallies) for (const line of disagreed) console.log(`  ${name}: ${line}`);
  console.log();
}

async function itemsAndSolutions(task: Task, dataDir: string, file: string, field: string) {
  const { splits: { test } } = await task.load({ dataDir, level: 1 });
  const { rows } = await readItemFile(file, "the test file");
  const items = Array.from({ length: test.size }, (_, i) => test.item(i));
  return { items, solutions: rows.map((row: ItemRow) => row.text(field)) };
}

async function main(): Promise<void> {
  const program = new Command("grade_agreement").requiredOption(
    "--data-dir <folder>",
    "with gsm8k/, math/ and math500/",
  );
  const { dataDir } = program.parse(Deno.args, { from: "user" }).opts<{ dataDir: string }>();
  const school = await itemsAndSolutions(gsm8k, join(dataDir, "gsm8k"), join(dataDir, "gsm8k/test.jsonl"), "answer");
  const contest = await itemsAndSolutions(math500, dataDir, join(dataDir, "math500/test.jsonl"), "solution");
  print("GSM8K test, its own grader", measure(gsm8k, gsm8k.grade, school.items, school.solutions));
  print("GSM8K test, the grader of mathematics", measure(gsm8k, gradeMath, school.items, school.solutions));
  print("MATH-500", measure(math500, math500.grade, contest.items, contest.solutions));

  const count = 10_000;
  for (const [name, grade] of [["its own grader", gsm8k.grade], ["the grader of mathematics", gradeMath]] as const) {
    const completions = school.items.map((item) => gsm8k.answer(item, item.gold));
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      grade(school.items[i % school.items.length]!, completions[i % completions.length]!, false);
    }
    console.log(`${count} GSM8K grades by ${name}: ${(performance.now() - start).toFixed(0)} ms`);
  }
}

await main();

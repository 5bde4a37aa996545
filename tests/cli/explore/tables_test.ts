// list, show and compare say what the study says: against scores that can be counted by hand.

import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { compareText } from "../../../harness/cli/explore/compare.ts";
import { listText } from "../../../harness/cli/explore/list.ts";
import { showText } from "../../../harness/cli/explore/show.ts";
import type { Results } from "../../../harness/records/results.ts";
import { studyOf } from "../../../harness/stats/study.ts";
import { fakeResults } from "../../fakes/results.ts";

/** 4 questions, 3 seeds: plain has 2, 2, 1 right; bold 3, 4, 3; odd is none of the plan. */
const scores = {
  "plain": [[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]],
  "bold+": [[1, 1, 1, 0], [1, 1, 1, 1], [0, 1, 1, 1]],
  "odd": [[0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]],
};
const results = fakeResults({ scores, added: ["odd"] });
const exploration = { results, study: studyOf(results) };

/** Cells of the row that begins so, parted by two blanks or more. */
const rowOf = (text: string, start: string) =>
  text.split("\n").find((line) => line.startsWith(start))?.split(/ {2,}/) ?? [];

Deno.test("listText() has a row for each arm, best tier first, with its score and difference", () => {
  const text = listText(exploration, false);
  match(text, /^results\/fake: arithmetic version 1, policy embedded, profile quick$/m);
  match(text, /9 of 9 cells finished; matched/);
  match(text, /test accuracy, against plain; the least difference that matters: 2 points/);
  const rows = text.split("\n").filter((line) => /^(plain|bold\+|odd)/.test(line)).map((line) => line.split(/ {2,}/));
  equal(rows[0]?.[0], "bold+");
  match(rows[0]?.[1] ?? "", /^83\.3 % \[/); // 10 of 12
  match(rowOf(text, "plain")[1] ?? "", /^41\.7 % \[/); // 5 of 12
  match(rowOf(text, "bold+")[3] ?? "", /^\+41\.7 \[/);
  match(text, /^odd \(added\)/m);
  match(text, /^plain .*reference/m);
});

Deno.test("listText() of cells has every cell with its status", () => {
  const text = listText(exploration, true);
  equal(text.split("\n").filter((line) => /^(plain|bold\+|odd) /.test(line)).length, 9);
  match(text, /^bold\+ +1 +finished +0\.0 % +100\.0 % +\+100\.0/m);
});

Deno.test("listText() names what did not finish, and why", () => {
  const unfinished = {
    ...results,
    cells: results.cells.map((cell, i) =>
      i !== 1 ? cell : {
        ...cell,
        record: null,
        answers: null,
        entry: { ...cell.entry, status: "failed" as const, accuracy: null, failure: "the disk \x1b[2J is full" },
      }
    ),
  };
  const study = studyOf(unfinished), text = listText({ results: unfinished, study }, true);
  match(text, /^plain +1 +failed: the disk \\x1b\[2J is full/m);
  match(listText({ results: unfinished, study }, false), /^plain .* 2 of 3$/m);
});

Deno.test("showText() of an arm has its numbers, its curve, its seeds and the fields that differ", () => {
  const text = showText(withField(results, "bold+"), "bold+", null);
  match(text, /^test accuracy +83\.3 % \[/m);
  match(text, /least 75\.0 %, median 75\.0 %.*most 100\.0 % \(seeds 0, 1, 2\)/);
  match(text, /^answers +correct 83\.3 %, wrong 16\.7 %/m);
  match(text, /^fields +rl\.advantage = "mean" \(else "std"\)$/m);
  match(text, /^10 .* 83\.3 % \[/m); // the curve's last point
  match(text, /^1 +finished +0\.0 % -> 100\.0 %/m);
  match(showText(exploration, "odd", null), /^fields +none differs$/m);
});

function withField(results: Results, arm: string) {
  const cells = results.cells.map((cell) => {
    if (cell.entry.arm !== arm || cell.record === null) return cell;
    const { config } = cell.record;
    return { ...cell, record: { ...cell.record, config: { ...config, rl: { ...config["rl"], advantage: "mean" } } } };
  });
  const changed = { ...results, cells };
  return { results: changed, study: studyOf(changed) };
}

Deno.test("showText() of a cell has its evaluations", () => {
  const text = showText(exploration, "bold+", 1);
  match(text, /^bold\+ seed 1: finished$/m);
  match(text, /^10 +4 test +greedy +100\.0 %/m);
  match(text, /^0 +4 validation +greedy +0\.0 %/m);
});

Deno.test("showText() says what is not there, with the nearest name", () => {
  throws(
    () => showText(exploration, "bold", null),
    /MisuseError: Cannot find arm "bold": the arms are .*did you mean "bold\+"/,
  );
  throws(() => showText(exploration, undefined, null), /Cannot choose an arm: none is named/);
  throws(() => showText(exploration, "odd", 7), /Cannot find seed 7 of odd: its seeds are 0, 1, 2/);
});

Deno.test("compareText() has the effect, each seed's difference, and who wins on which question", () => {
  const text = compareText(exploration, "bold+", "plain"), registered = exploration.study.comparisons[0];
  match(text, /^bold\+ against plain: test accuracy, 3 seeds, 4 questions$/m);
  match(text, /\+41\.7 points \(95 % interval/);
  match(text, /after Holm's correction/);
  match(text, new RegExp(`sign-flip p = ${registered?.signFlip.p.toFixed(3)}; the smallest .* 0\\.25`));
  deepEqual(rowOf(text, "0 "), ["0", "75.0 %", "50.0 %", "+25.0"]);
  deepEqual(rowOf(text, "1 "), ["1", "100.0 %", "50.0 %", "+50.0"]);
  deepEqual(rowOf(text, "2 "), ["2", "75.0 %", "25.0 %", "+50.0"]);
  // q0: 2 of 3 seeds against 3; q1: 3 : 2; q2: 3 : 0; q3: 2 : 0
  match(text, /Right in most seeds: 2 questions by bold\+ alone, 0 by plain alone/);
  const gains = text.split("\n").filter((line) => /^ {2}q\d/.test(line)).map((line) =>
    line.trim().split(/ {2,}/).slice(0, 2)
  );
  deepEqual(gains, [["q2", "3 : 0"], ["q3", "2 : 0"], ["q1", "3 : 2"], ["q0", "2 : 3"]]);
});

Deno.test("compareText() without a second arm takes the plan's, and turned round is the same with the other sign", () => {
  equal(compareText(exploration, "bold+", undefined), compareText(exploration, "bold+", "plain"));
  const turned = compareText(exploration, "plain", "bold+");
  match(turned, /-41\.7 points/);
  match(turned, /exploratory, not corrected/);
  match(turned, /Right in most seeds: 0 questions by plain alone, 2 by bold\+ alone/);
});

Deno.test("compareText() compares arms that no plan does", () => {
  match(compareText(exploration, "odd", "bold+"), /^odd against bold\+: test accuracy, 3 seeds, 4 questions$/m);
});

Deno.test("compareText() pairs by seed and names what has no partner", () => {
  const cells = results.cells.filter(({ entry }) => !(entry.arm === "odd" && entry.seed === 2));
  const fewer = { ...results, cells }, text = compareText({ results: fewer, study: studyOf(fewer) }, "odd", "plain");
  match(text, /2 seeds, 4 questions/);
  match(text, /Left out, for want of a partner: 1\n {2}plain, seed 2: /);
});

Deno.test("compareText() refuses an arm against itself, and arms without a common seed", () => {
  throws(() => compareText(exploration, "odd", "odd"), /MisuseError: Cannot compare odd with itself/);
  const cells = results.cells.filter(({ entry }) => entry.arm !== "odd");
  const without = { ...results, cells: [...cells, { ...results.cells.at(-1)!, record: null, answers: null }] };
  throws(
    () => compareText({ results: without, study: studyOf(without) }, "odd", "plain"),
    /no seed is finished in both/,
  );
});

Deno.test("compareText() without answers says that questions cannot be told apart", () => {
  const kept = { ...results, cells: results.cells.map((cell) => ({ ...cell, answers: null })) };
  const text = compareText({ results: kept, study: studyOf(kept) }, "bold+", "plain");
  match(text, /whole evaluations: answers were not kept/);
  match(text, /Who wins on which question cannot be told/);
});

Deno.test("hostile names and questions stay text on one line", () => {
  const hostile = fakeResults({ scores: { "a\x1b[2J": [[1, 0]], "b\u202e\n": [[0, 0]] } });
  const told = { results: hostile, study: studyOf(hostile) };
  const texts = [
    listText(told, false),
    listText(told, true),
    showText(told, "a\x1b[2J", null),
    showText(told, "b\u202e\n", 0),
    compareText(told, "b\u202e\n", "a\x1b[2J"),
  ];
  for (const text of texts) ok(!/[^\P{Cc}\n]|\p{Cf}/u.test(text), JSON.stringify(text));
  match(texts[0] ?? "", /^b\\u\{202e\}\\n /m);
});

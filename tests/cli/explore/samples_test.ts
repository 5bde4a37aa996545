// samples: each filter against a plain loop over the same answers, pages, and texts that would do harm.

import { deepEqual, doesNotMatch, equal, match, ok, throws } from "node:assert/strict";
import { type SampleFilter, sampleFilter, samplesText } from "../../../harness/cli/explore/samples.ts";
import type { Answer, Results } from "../../../harness/records/results.ts";
import { studyOf } from "../../../harness/stats/study.ts";
import { fakeResults } from "../../fakes/results.ts";

const scores = {
  "plain": [[1, 1, 0, 0], [1, 0, 0, 1]],
  "bold+": [[1, 0, 1, 0], [1, 1, 1, 0]],
  "odd": [[0, 0, 1, 0], [0, 0, 0, 0]],
};
const results = fakeResults({ scores });
const exploration = { results, study: studyOf(results) };

const filterOf = (line: string): SampleFilter => {
  const words = line.split(" ").filter(Boolean), isOption = (word: string) => word.startsWith("@");
  const options = new Set(words.filter(isOption).map((word) => word.slice(1)));
  return sampleFilter(words.filter((word) => !isOption(word)), options);
};

/** "arm seed question" of each shown answer. */
function shown(line: string, from = exploration): string[] {
  const found: string[] = [];
  let id = "";
  for (const text of samplesText(from, filterOf(`per=999 ${line}`)).split("\n")) {
    id = /^(\S+): gold answer/.exec(text)?.[1] ?? id;
    const [, arm, seed] = /^ {2}(\S+) seed (\d+): (?:correct|wrong)/.exec(text) ?? [];
    if (arm) found.push(`${arm} ${seed} ${id}`);
  }
  return found;
}

/** The same by a loop over the scores; by question, seed, arm. */
function expected(wanted: (arm: keyof typeof scores, seed: number, question: number) => boolean): string[] {
  const names = Object.keys(scores) as (keyof typeof scores)[]; // Object.keys forgets the names
  return [0, 1, 2, 3].flatMap((question) =>
    [0, 1].flatMap((seed) =>
      names.filter((arm) => wanted(arm, seed, question)).map((arm) => `${arm} ${seed} q${question}`)
    )
  );
}

const right = (arm: keyof typeof scores, seed: number, question: number) => scores[arm][seed]![question] === 1;

Deno.test("samplesText() shows each filter's answers and no others", () => {
  deepEqual(shown(""), expected(() => true));
  deepEqual(shown("bold+"), expected((arm) => arm === "bold+"));
  deepEqual(shown("bold+ 1"), expected((arm, seed) => arm === "bold+" && seed === 1));
  deepEqual(shown("@wrong"), expected((...at) => !right(...at)));
  deepEqual(shown("@wrong @correct seed=0"), expected((_, seed) => seed === 0));
  deepEqual(shown("id=q2"), expected((_, __, question) => question === 2));
  deepEqual(shown("text=OF.ODD"), []);
  deepEqual(shown("text=bold+"), expected((arm) => arm === "bold+"), "completions name their arm");
});

Deno.test("samplesText() with only= and not= shows both arms where, with the same seed, the one alone is right", () => {
  deepEqual(
    shown("only=bold+ not=plain"),
    expected((arm, seed, question) =>
      arm !== "odd" && right("bold+", seed, question) && !right("plain", seed, question)
    ),
  );
  deepEqual(
    shown("only=plain"),
    expected((_, seed, question) =>
      right("plain", seed, question) && !right("bold+", seed, question) && !right("odd", seed, question)
    ),
  );
});

Deno.test("samplesText() shows page by page all answers once", () => {
  const pages = [1, 2, 3, 4, 5].map((page) => samplesText(exploration, filterOf(`per=5 page=${page}`)));
  match(pages[0] ?? "", /Answers 1 to 5 of 24; go on with page=2$/);
  match(pages[4] ?? "", /Answers 21 to 24 of 24$/);
  equal(pages.join("\n").match(/^ {2}\S+ seed \d/gm)?.length, 24);
  throws(() => samplesText(exploration, filterOf("per=5 page=6")), /MisuseError: Cannot show page 6: there are 5/);
  equal(samplesText(exploration, filterOf("id=none")), "No answer is so: widen the filter");
});

Deno.test("samplesText() leaves drawn answers out unless asked for", () => {
  const drawn = withAnswers(results, (answers) => [...answers, { ...answers[0]!, sample: 3 }]);
  const told = { results: drawn, study: studyOf(drawn) };
  doesNotMatch(samplesText(told, filterOf("per=99")), /draw/);
  match(samplesText(told, filterOf("per=99 @drawn")), /plain seed 0, draw 3: correct/);
});

Deno.test("samplesText() clips long completions, @full shows them, and neither lets a control character through", () => {
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\n");
  const completion = `\x1b[31mred\x1b[0m \u202e right to left\r\n${
    "y".repeat(1_000_000)
  }\n<script>alert(1)</script>\n${lines}`;
  const hostile = withAnswers(
    results,
    (answers) => answers.map((answer, i) => i > 0 ? answer : { ...answer, said: { ...answer.said!, completion } }),
  );
  const told = { results: hostile, study: studyOf(hostile) };
  const short = samplesText(told, filterOf("plain 0 id=q0")), full = samplesText(told, filterOf("plain 0 id=q0 @full"));
  for (const text of [short, full]) {
    ok(!/[^\P{Cc}\n]|\p{Cf}/u.test(text));
    match(text, /\| \\x1b\[31mred\\x1b\[0m \\u\{202e\} right to left\\r$/m);
    match(text, /y… \(1000000 characters\)$/m);
    match(text, /\| <script>alert\(1\)<\/script>$/m);
  }
  match(short, /… \(21 more lines\)$/m);
  ok(short.length < 2000 && full.length < 13_000);
  match(full, /\| line 29$/m);
});

Deno.test("samplesText() says that texts or answers were not kept", () => {
  const silent = withAnswers(results, (answers) => answers.map((answer) => ({ ...answer, said: null })));
  match(
    samplesText({ results: silent, study: studyOf(silent) }, filterOf("per=1")),
    /seed 0: correct \(its text was not kept\)/,
  );
  const none = { ...results, cells: results.cells.map((cell) => ({ ...cell, answers: null })) };
  throws(
    () => samplesText({ results: none, study: studyOf(none) }, filterOf("")),
    /FailureError: Cannot show samples: these results kept none/,
  );
});

Deno.test("sampleFilter() refuses what it does not know", () => {
  throws(() => filterOf("plain bold+"), /Cannot filter samples by "bold\+"/);
  throws(() => filterOf("plain pag=2"), /did you mean "page"/);
  throws(() => filterOf("page=0"), /Cannot use page "0": it must be an integer of at least 1/);
  throws(() => filterOf("0 1"), /seed is given twice/);
  throws(() => filterOf("not=plain"), /Cannot use not= alone/);
  throws(() => samplesText(exploration, filterOf("only=nobody")), /Cannot find arm "nobody"/);
  equal(filterOf("memory-r+,order=as-released").arm, "memory-r+,order=as-released");
});

function withAnswers(from: Results, change: (answers: readonly Answer[]) => readonly Answer[]): Results {
  return { ...from, cells: from.cells.map((cell) => ({ ...cell, answers: change(cell.answers ?? []) })) };
}

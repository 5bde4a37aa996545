import { deepEqual, equal, ok } from "node:assert/strict";
import { inflateRawSync } from "node:zlib";
import type { Results } from "../../harness/records/results.ts";
import {
  type PackedQuestion,
  type PackedQuestions,
  packQuestions,
  type QuestionIndex,
} from "../../harness/report/questions.ts";
import { viewOf } from "../../harness/report/view.ts";
import { studyOf } from "../../harness/stats/study.ts";
import { pageResults, withAnswers, withCells } from "./page_results.ts";

const pack = (results: Results) => packQuestions(viewOf([results], results, studyOf(results)));
const unpacked = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(inflateRawSync(bytes)));
function all(packed: PackedQuestions): { index: QuestionIndex; questions: PackedQuestion[] } {
  return { index: unpacked(packed.index), questions: packed.pieces.flatMap(unpacked) };
}

Deno.test("packQuestions() keeps every answer of every cell, a completion of several cells once", () => {
  const results = withAnswers(pageResults(), (answer, i) => ({
    ...answer,
    said: answer.said && { ...answer.said, completion: i === 0 ? "the same" : answer.said.completion },
  }));
  const { index, questions } = all(pack(results)!);
  equal(index.cells.length, 6);
  for (const [cell, { answers }] of results.cells.entries()) {
    for (const [place, answer] of answers!.entries()) {
      const [said, byCell] = questions[place]!, [letter, at] = byCell[cell]![0]!;
      equal(letter, answer.status[0]);
      equal(index.statuses[cell]![place], letter);
      equal(said[at]![0], answer.said!.completion);
      deepEqual(said[at]![3], index.rewards.map((name) => answer.said!.rewards[name]));
      deepEqual(index.questions[place], [answer.id, answer.question, answer.gold]);
    }
  }
  // right and wrong ones extract other answers, so that the same text is at most two different completions
  equal(questions[0]![0].length, 2);
});

Deno.test("packQuestions() cuts pieces where they grow long, and says where each begins", () => {
  const results = withAnswers(pageResults(), (answer, i) => ({
    ...answer,
    said: answer.said && { ...answer.said, completion: "x".repeat(300_000) + i },
  }));
  const packed = pack(results)!, { index, questions } = all(packed);
  ok(packed.pieces.length > 1);
  equal(index.pieces.length, packed.pieces.length);
  let begin = 0;
  for (const [i, piece] of packed.pieces.entries()) {
    equal(index.pieces[i], begin);
    begin += unpacked(piece).length;
  }
  equal(begin, questions.length);
});

Deno.test("packQuestions() packs statuses alone where texts were left out, and nothing where answers were", () => {
  const silent = pack(withAnswers(pageResults(), (answer) => ({ ...answer, said: null })))!;
  equal(silent.said, false);
  deepEqual(all(silent).questions[0]![1][0], [["c", -1]]);
  equal(pack(withCells(pageResults(), (cell) => ({ ...cell, answers: null }))), null);
});

Deno.test("packQuestions() puts the greedy answer first and the drawn ones after it", () => {
  const results = withCells(pageResults(), (cell) => ({
    ...cell,
    answers: cell.answers!.flatMap((answer) => [
      { ...answer, sample: 1, status: "truncated" as const },
      answer,
      { ...answer, sample: 2, status: "unparseable" as const },
    ]),
  }));
  const { index, questions } = all(pack(results)!);
  deepEqual(questions[0]![1][0]!.map(([letter]) => letter), ["c", "t", "u"]);
  equal(index.statuses[0], "cccwwwww");
});

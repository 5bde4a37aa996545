// Results whose completions the arithmetic task's grader really graded, with all digests in place: what a leaderboard
// takes up. `seal` gives changed results new digests all the way up, as a forger would.

import { arithmetic } from "../../tasks/arithmetic.ts";
import { canonicalJson } from "../../harness/base/canonical_json.ts";
import { sha256 } from "../../harness/base/digest.ts";
import type { GradeStatus, TaskItem } from "../../harness/contract.ts";
import { sampleLines } from "../../harness/records/bundle.ts";
import { sealPlan } from "../../harness/records/plan_schema.ts";
import type { Answer, CellResults, Results } from "../../harness/records/results.ts";
import { outcomeDigest } from "../../harness/records/store.ts";
import { type FakeResults, fakeResults } from "./results.ts";

/** The questions' level: the default. */
export const data = await arithmetic.load({ dataDir: null, level: 2 });

/** Finished results of the scores that {@linkcode fakeResults} takes. */
export function gradedResults(options: FakeResults): Results {
  const fake = fakeResults(options);
  const graded = fake.cells.map((cell) => ({
    ...cell,
    answers: (cell.answers ?? []).map(({ status, sample }, i) =>
      gradedAnswer(data.splits.test.item(i), sample, status === "correct")
    ),
  }));
  return seal({ ...fake, cells: graded });
}

function gradedAnswer(item: TaskItem, sample: number, right: boolean): Answer {
  const completion = arithmetic.answer(item, right ? item.gold : `${item.gold}1`);
  const { status, extracted, rewards } = arithmetic.grade(item, completion, false);
  const named = Object.fromEntries(arithmetic.rewards.map((name, i) => [name, rewards[i] ?? 0]));
  const { id, question, gold } = item;
  return { id, question, gold, sample, status, said: { completion, extracted, rewards: named, tokens: 9 } };
}

/** The results with digests, counts and entries made anew from their answers. */
export function seal(results: Results): Results {
  const task = { name: arithmetic.name, version: arithmetic.version, data: data.digest };
  if (!results.plan) throw new TypeError("Cannot seal results without a plan");
  const { digest: _, amendments: __, ...content } = results.plan;
  const plan = sealPlan({ ...content, task: { ...task, file: null } });
  const cells = results.cells.map((cell): CellResults => {
    const { record, answers, entry } = cell;
    if (!record?.outcome || !answers) return cell;
    const count = (status: GradeStatus) => answers.filter((answer) => answer.status === status).length;
    const statuses = {
      correct: count("correct"),
      wrong: count("wrong"),
      unparseable: count("unparseable"),
      truncated: count("truncated"),
    };
    const accuracy = statuses.correct / answers.length;
    const last = record.outcome.evaluations.findLastIndex(({ split }) => split === "test");
    const outcome = {
      ...record.outcome,
      evaluations: record.outcome.evaluations.map((one, i) =>
        i === last ? { ...one, statuses, accuracy, passAtSamples: accuracy } : one
      ),
      match: { ...record.outcome.match, data: data.digest, config: sha256(canonicalJson(plan.config)) },
      samples: sha256(sampleLines(answers)),
    };
    const digest = outcomeDigest(outcome);
    return { ...cell, record: { ...record, task, outcome, digest }, entry: { ...entry, digest } };
  });
  const experiment = { ...results.experiment, plan: plan.digest, task, cells: cells.map(({ entry }) => entry) };
  return { ...results, plan, experiment, cells };
}

/** The results with one answer of one cell changed. */
export function withAnswer(results: Results, cell: number, place: number, change: (answer: Answer) => Answer): Results {
  const cells = results.cells.map((one, i) =>
    i === cell
      ? { ...one, answers: (one.answers ?? []).map((answer, k) => k === place ? change(answer) : answer) }
      : one
  );
  return { ...results, cells };
}

/** Runs of ones and zeros, [seeds][questions]: the first `right` of each are right, shifted by the seed. */
export function runs(seeds: number, questions: number, right: number): number[][] {
  return Array.from(
    { length: seeds },
    (_, seed) => Array.from({ length: questions }, (_, i) => (i + seed) % questions < right ? 1 : 0),
  );
}

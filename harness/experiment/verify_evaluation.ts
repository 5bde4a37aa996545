// What the files of an evaluation on its own say of each other, and what the task, its data and the policy say of them:
// digests are taken again, grades and measures made again; then the first questions are asked again. Of every further
// completion only its text is known, not its tokens: how many of them an answer took is told by the replay alone.

import { join } from "node:path";
import { sha256 } from "../base/digest.ts";
import type { Task, TaskData } from "../contract.ts";
import { differences } from "../records/differences.ts";
import { EVALUATION_FILE } from "../records/evaluation_folders.ts";
import {
  type AskedEvaluation,
  evaluationLine,
  type EvaluationMeasures,
  type EvaluationSample,
  inSetOrder,
  type MatchboxEvaluation,
  readEvaluation,
  readEvaluationSamples,
} from "../records/evaluation_record.ts";
import { regrade } from "../records/regrade.ts";
import { answerOf } from "../records/results.ts";
import { recordedStyle } from "../records/task_text.ts";
import { drawShots } from "../rl/few_shot.ts";
import { missingJobs } from "../rl/sample_jobs.ts";
import { correctEnd, reflections } from "../rl/thinking.ts";
import { measuresOf } from "../stats/evaluation_measures.ts";
import { budgetsBelow } from "../stats/token_budgets.ts";
import type { Checklist } from "./checklist.ts";
import { policyFolders } from "./policies.ts";
import { otherPlace, unrepeatable } from "./replay_cell.ts";
import { draw, questionsOf } from "./run_evaluation.ts";
import { SAMPLES_FILE } from "./sample_file.ts";
import { canonical } from "./verify_cell.ts";
import { type FoundSources, readSources, type SourceOptions } from "./verify_sources.ts";

/** How to verify an evaluation. */
interface EvaluationChecks extends SourceOptions {
  /** Questions to ask again, from the first; null: that one. @default null */
  readonly replay?: number | null;
}

/**
 * Checks the files of an evaluation.
 * @param root what places are relative to
 * @param place the evaluation's folder from there
 */
export async function verifyEvaluation(
  list: Checklist,
  root: string,
  place: string,
  options: EvaluationChecks,
): Promise<void> {
  const at = (name: string) => place === "" ? name : `${place}/${name}`;
  const inRecord = at(EVALUATION_FILE), inSamples = at(SAMPLES_FILE);
  const record = await list.read(inRecord, "digest", () => readEvaluation(join(root, inRecord)));
  if (record === null) return;
  const { asked, outcome, status } = record, { task: askedTask, policy } = asked;
  if (status !== "finished" || outcome === null) {
    return list.skip(inRecord, "outcome", "the evaluation is unfinished");
  }
  const sources = await readSources(list, { task: askedTask, policy, level: null }, options, null);
  const { task, data } = sources;
  const lines = await list.read(
    inSamples,
    "lines",
    async () => canonical(await readEvaluationSamples(join(root, inSamples))),
  );
  if (lines === null) return;
  const samples = lines.records,
    wanted = samples.filter((one) => one.place < asked.items && one.sample <= asked.samples);
  const whole = await list.check(inSamples, "one greedy and k drawn a question", () => wrongSet(samples, asked));
  await list.check(inSamples, "digest", () => {
    return sha256(wanted.map(evaluationLine).join("")) === outcome.samples ? [] : ["their digest is another"];
  });
  await list.check(inSamples, "lengths and answers in the texts", () => wrongTexts(samples, asked));
  if (task) {
    await list.check(inSamples, "grades", () => {
      const answers = samples.map((sample) => ({ ...answerOf(sample), truncated: sample.truncated }));
      return regrade(task, answers, asked.maxTokens);
    });
  }
  if (data) {
    await list.check(inSamples, "questions and gold answers", () => foreignItems(data, samples, asked));
    await list.check(inRecord, "worked examples", () => {
      return differences(asked.shots, drawShots(data.splits.train, asked.shots.length, asked.seed).map(({ id }) => id));
    });
  }
  if (!whole) return list.skip(inRecord, "measures and replay", "its samples are not those that were asked for");
  if (!task) list.skip(inRecord, "measures", "the task says which answers are the same, and it is not at hand");
  else await list.check(inRecord, "measures", () => wrongMeasures(outcome.measures, task, wanted, asked));
  if (options.replay !== 0) await replay(list, inSamples, record, samples, sources, options);
}

/** In order, of the asked split, none twice, and all that were asked for. */
function wrongSet(samples: readonly EvaluationSample[], { split, items, samples: k }: AskedEvaluation): string[] {
  const ordered = inSetOrder(samples), keyOf = ({ place, sample }: Key) => `${place} ${sample}`;
  const keys = new Set(samples.map(keyOf)), all = items * (k + 1);
  const wanted = (i: number): Key => ({ place: Math.floor(i / (k + 1)), sample: i % (k + 1) });
  let there = 0;
  while (there < all && keys.has(keyOf(wanted(there)))) there++;
  return [
    ...samples.flatMap((sample, i) => sample === ordered[i] ? [] : [`line ${i + 1} is out of order`]),
    ...ordered.flatMap((sample, i) => {
      const before = ordered[i - 1];
      return before && keyOf(before) === keyOf(sample) ? [`there are two of ${nameOf(sample)}`] : [];
    }),
    ...samples.flatMap((sample, i) => sample.split === split ? [] : [`line ${i + 1} is of no ${split} question`]),
    ...(there < all ? [`there is no ${nameOf(wanted(there))}`] : []),
  ];
}

type Key = Pick<EvaluationSample, "place" | "sample">;
const nameOf = ({ place, sample }: Key) => `sample ${sample} of place ${place}`;

/** What a line says of its completion must be possible, and true where the text shows it. */
function wrongTexts(samples: readonly EvaluationSample[], { maxTokens }: AskedEvaluation): string[] {
  return samples.flatMap((sample, i) => {
    const { tokens, truncated, completion, firstCorrect, correctAt } = sample;
    const found = { reflections: sample.reflections, "a right answer in it": firstCorrect !== null };
    const budgets = budgetsBelow(tokens), isRising = correctAt.every((at, j) => j === 0 || at > correctAt[j - 1]!);
    return [
      ...(tokens < 1 || tokens > maxTokens ? [`tokens is ${tokens}, must be from 1 to ${maxTokens}`] : []),
      ...(truncated && tokens < maxTokens ? [`it is cut off after ${tokens} of ${maxTokens} tokens`] : []),
      ...differences(found, {
        reflections: reflections(completion),
        "a right answer in it": correctEnd(sample, completion, sample) !== null,
      }),
      ...((firstCorrect ?? 0) > tokens ? [`firstCorrect is ${firstCorrect}, it has ${tokens} tokens`] : []),
      ...(isRising && correctAt.every((at) => budgets.includes(at))
        ? []
        : ["correctAt: they are no caps below its length"]),
    ].map((problem) => `line ${i + 1}: ${problem}`);
  });
}

function foreignItems(
  { splits }: TaskData,
  samples: readonly EvaluationSample[],
  { split }: AskedEvaluation,
): string[] {
  const items = splits[split];
  return samples.flatMap(({ place, id, question, gold }, i) => {
    if (place >= items.size) return [`line ${i + 1}: the task has no such question`];
    const item = items.item(place), expected = { id: item.id, question: item.question, gold: item.gold };
    return differences({ id, question, gold }, expected).map((problem) => `line ${i + 1}: ${problem}`);
  });
}

function wrongMeasures(
  measures: EvaluationMeasures,
  task: Task,
  samples: readonly EvaluationSample[],
  { maxTokens }: AskedEvaluation,
): string[] {
  const names = task.rewards.toSorted().join();
  const odd = samples.find(({ rewards, tokens }) => Object.keys(rewards).sort().join() !== names || tokens < 1);
  if (odd) return [`${nameOf(odd)} has no tokens, or not the rewards of the task`];
  const expected = measuresOf(questionsOf(task, samples), { correctness: task.rewards[0] ?? "", maxTokens });
  return differences(measures, expected);
}

const never = new AbortController().signal;

/** Asks the first questions again, on as many threads as before, and compares the lines to the bit. */
async function replay(
  list: Checklist,
  place: string,
  { asked, environment }: MatchboxEvaluation,
  samples: readonly EvaluationSample[],
  { task, taskOptions, policy }: FoundSources,
  { replay = null, taskFile = null }: EvaluationChecks,
): Promise<void> {
  const { split, seed, temperature, topK, topP, maxTokens, device, precision } = asked;
  if (device !== "cpu") return list.skip(place, "replay", unrepeatable(device));
  if (!task || !taskOptions || !policy) return list.skip(place, "replay", "task, data or policy are not at hand");
  const n = Math.min(asked.items, replay ?? 1), which = n === 1 ? "the first question" : `the first ${n} questions`;
  await list.check(place, `replay: ${which}`, async () => {
    const drawn: EvaluationSample[] = [];
    const spec = {
      task: task.name,
      taskOptions,
      taskFile,
      taskStyle: recordedStyle(asked.task),
      ...policyFolders(policy),
      split,
      shots: asked.shots.length,
      seed,
      sampling: { temperature, topK, topP },
      maxTokens,
      device,
      ...(precision ? { precision } : {}),
      threads: environment?.threads ?? 1,
      batch: null,
    };
    const run = { stop: never, kill: never, report: () => {} };
    await draw(spec, missingJobs(n, asked.samples, () => false), run, (event) => {
      if (event.type === "sample") drawn.push(event.sample);
      return Promise.resolve();
    });
    const problems = inSetOrder(drawn).flatMap((again) => {
      const there = samples.find((one) => one.place === again.place && one.sample === again.sample);
      return differences(there, again, nameOf(again));
    });
    return problems.length === 0 ? [] : [...problems, ...await otherPlace(environment)];
  });
}

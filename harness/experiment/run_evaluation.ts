// Evaluates a policy as planned: what its set of samples lacks is drawn in a process of its own, for native calls block;
// this process appends what comes, owns signals and progress, and makes the record. Whatever ends it, the same command
// goes on from what is there, and ends with the same bytes. A folder may hold more samples than are asked for: the record
// is of those that are.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic_file.ts";
import { FailureError, MisuseError } from "../base/errors.ts";
import type { Task } from "../contract.ts";
import { changes } from "../records/differences.ts";
import { EVALUATION_FILE } from "../records/evaluation_folders.ts";
import {
  evaluationDigest,
  type EvaluationSample,
  type MatchboxEvaluation,
  readEvaluation,
  samplesDigest,
  setOf,
} from "../records/evaluation_record.ts";
import { SCHEMA_VERSION } from "../records/schema.ts";
import { recordText } from "../records/store.ts";
import { missingJobs, type SampleJob } from "../rl/sample_jobs.ts";
import { measuresOf, type SampledQuestion } from "../stats/evaluation_measures.ts";
import type { EvaluationPlan } from "./evaluation_plan.ts";
import { type EvaluationEvent, evaluationEventSchema } from "./evaluation_protocol.ts";
import { isTransient } from "./folder_lock.ts";
import { openFolder } from "./open_folder.ts";
import { SampleFile } from "./sample_file.ts";
import { votesOf } from "./votes.ts";
import { describeDeath, runWorker, type Stops } from "./worker_process.ts";

/** What a running evaluation reports. */
export type EvaluationProgress =
  /** How many samples are asked for, and how many of them are there. */
  | { readonly type: "begun"; readonly samples: number; readonly there: number }
  | { readonly type: "event"; readonly event: EvaluationEvent }
  /** What its process printed beside events before it failed, and the stack of its error. */
  | { readonly type: "log"; readonly text: string };

/** How to run it. */
export interface EvaluationRun {
  /** Lets the batch in flight finish and ends; what is done stays. */
  readonly signal?: AbortSignal;
  /** Ends at once. */
  readonly kill?: AbortSignal;
  readonly report?: (progress: EvaluationProgress) => void;
}

/** What ends the drawing, and who is told of it. */
export interface RunTools extends Stops {
  readonly report: (progress: EvaluationProgress) => void;
}

const never = new AbortController().signal;

/** An evaluation as it stands now. */
export interface EvaluationResult {
  readonly record: MatchboxEvaluation;
  /** By question; null unless finished. */
  readonly questions: readonly SampledQuestion[] | null;
}

/**
 * Draws what is missing and fills the folder.
 * @throws MisuseError for a folder that holds something else, FailureError where the samples cannot be drawn or written
 */
export async function runEvaluation(plan: EvaluationPlan, options: EvaluationRun = {}): Promise<EvaluationResult> {
  const { signal = never, kill = never, report = () => {} } = options;
  const lock = openFolder(plan.out);
  try {
    const earlier = await earlierRecord(plan), file = await SampleFile.open(plan.out);
    try {
      return await drawAndRecord(plan, earlier, file, { stop: AbortSignal.any([signal, kill]), kill, report });
    } finally {
      file.close();
    }
  } finally {
    lock.release();
  }
}

async function drawAndRecord(
  plan: EvaluationPlan,
  earlier: MatchboxEvaluation | null,
  file: SampleFile,
  run: RunTools,
): Promise<EvaluationResult> {
  const { asked, asked: { items, samples: k } } = plan, start = performance.now();
  const view = () => file.view(items, k), there = view();
  checkQuestions(plan, there);
  run.report({ type: "begun", samples: items * (k + 1), there: there.length });
  const jobs = missingJobs(items, k, (place, sample) => file.has(place, sample));
  if (jobs.length === 0) await file.settle();
  const same = earlier?.asked.items === items && earlier.asked.samples === k;
  if (jobs.length === 0 && same && earlier.outcome?.samples === samplesDigest(there)) {
    return { record: earlier, questions: questionsOf(plan.task, there) };
  }

  let record: MatchboxEvaluation = {
    schemaVersion: SCHEMA_VERSION,
    kind: "matchbox.evaluation",
    status: "unfinished",
    asked,
    outcome: null,
    digest: null,
    timing: {
      startedAt: earlier?.timing.startedAt ?? new Date().toISOString(),
      seconds: earlier?.timing.seconds ?? 0,
      runs: (earlier?.timing.runs ?? 0) + 1,
    },
    environment: earlier?.environment ?? null,
    peakMemoryBytes: earlier?.peakMemoryBytes ?? null,
  };
  const write = (changes: Partial<MatchboxEvaluation> = {}) => {
    const seconds = (earlier?.timing.seconds ?? 0) + (performance.now() - start) / 1000;
    record = { ...record, ...changes, timing: { ...record.timing, seconds } };
    return writeFileAtomic(join(plan.out, EVALUATION_FILE), recordText(record));
  };
  await write();
  if (jobs.length > 0) {
    const end = await draw(plan.spec, jobs, run, async (event) => {
      if (event.type === "sample") await file.add(event.sample);
      if (event.type === "environment") await write({ environment: event.environment });
      run.report({ type: "event", event });
    });
    if (end.type === "finished") record = { ...record, peakMemoryBytes: end.peakMemoryBytes };
    else {
      await write();
      return { record, questions: null };
    }
    await file.settle();
  }
  const samples = view(), questions = questionsOf(plan.task, samples);
  const correctness = plan.task.rewards[0] ?? "",
    measures = measuresOf(questions, { correctness, maxTokens: asked.maxTokens });
  const outcome = { samples: samplesDigest(samples), measures };
  await write({ status: "finished", outcome, digest: evaluationDigest({ asked, outcome }) });
  return { record, questions };
}

type End = Extract<EvaluationEvent, { type: "finished" | "stopped" | "failed" }>;

/** Lets a process of its own draw; a run that was stopped or killed on purpose is no error. */
export async function draw(
  spec: EvaluationPlan["spec"],
  jobs: readonly SampleJob[],
  { stop, kill, report }: RunTools,
  take: (event: EvaluationEvent) => Promise<void>,
): Promise<Exclude<End, { type: "failed" }>> {
  const worker = { program: new URL("./evaluation_worker.ts", import.meta.url), events: evaluationEventSchema };
  const ends: End[] = [];
  const death = await runWorker(worker, { ...spec, jobs }, { stop, kill }, async (event) => {
    await take(event);
    if (event.type === "finished" || event.type === "stopped" || event.type === "failed") ends.push(event);
  });
  const end = ends.at(-1), stopped = stop.aborted || kill.aborted;
  const stack = end?.type === "failed" ? end.stack ?? "" : "";
  if (stack !== "" || (!end && !stopped)) report({ type: "log", text: death.log + stack });
  if (end?.type === "failed") throw new (end.misuse ? MisuseError : FailureError)(end.message);
  if (end) return end;
  if (stopped) return { type: "stopped" };
  throw new FailureError(describeDeath(death, "the evaluation", "set a smaller --batch"));
}

/** What the folder says of the same evaluation; null for a new folder. @throws MisuseError where it holds another */
async function earlierRecord({ out, asked }: EvaluationPlan): Promise<MatchboxEvaluation | null> {
  const path = join(out, EVALUATION_FILE), another = "choose another folder with --out";
  if (!existsSync(path)) {
    const foreign = readdirSync(out).find((name) => !isTransient(name));
    if (foreign === undefined) return null;
    throw new MisuseError(`Cannot write to "${out}": it holds ${foreign} and no ${EVALUATION_FILE} … ${another}`);
  }
  const earlier = await readEvaluation(path).catch((error) => {
    if (!(error instanceof FailureError)) throw error;
    throw new MisuseError(`${error.message}, or ${another}`, { cause: error });
  });
  const found = changes(setOf(earlier.asked), setOf(asked));
  if (found.length === 0) return earlier;
  throw new MisuseError(
    `Cannot go on with the evaluation in "${out}": ${found.join("; ")} … ask for what it was, or ${another}`,
  );
}

/** Samples that were there must be of the questions that are asked. */
function checkQuestions({ items, out }: EvaluationPlan, samples: readonly EvaluationSample[]): void {
  for (const { place, id, question, gold } of samples) {
    const item = items.item(place);
    if (item.id === id && item.question === question && item.gold === gold) continue;
    throw new FailureError(
      `Cannot trust "${out}": a sample at place ${place} is of question "${id}", and there stands "${item.id}" … choose ` +
        "another folder with --out",
    );
  }
}

/** Samples by question, in their order; there must be a greedy one of each. */
export function questionsOf(task: Task, samples: readonly EvaluationSample[]): SampledQuestion[] {
  return [...Map.groupBy(samples, ({ place }) => place).values()].map(([greedy, ...drawn]) => {
    if (!greedy) throw new Error("Cannot measure a question without samples");
    return { greedy, drawn, votes: votesOf(task, drawn) };
  });
}

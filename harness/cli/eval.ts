// `eval [task]`: a policy on held-out questions, without training. It parses, plans, runs and shows; the evaluation itself
// is harness/experiment/run_evaluation.ts.

import type { Command } from "commander";
import { MisuseError } from "../base/errors.ts";
import { type EvaluationPlan, planEvaluation } from "../experiment/evaluation_plan.ts";
import { type EvaluationResult, runEvaluation } from "../experiment/run_evaluation.ts";
import { compareEvaluations, type EvaluationDifference } from "../stats/evaluation_measures.ts";
import { tasks } from "../../tasks/registry.ts";
import { evaluationProgress } from "./eval_progress.ts";
import { differencesText, evaluationText } from "./eval_text.ts";
import { fetchProgress } from "./fetch_progress.ts";
import { interruptible } from "./interrupt.ts";
import { parseCount } from "./parse_count.ts";

/** Flags of `eval`, as commander hands them over. */
interface EvalFlags {
  readonly policy?: readonly string[];
  readonly split: string;
  readonly items?: number;
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly maxTokens?: number;
  readonly shots: number;
  readonly seed: number;
  readonly dataDir?: string;
  readonly prompt: string;
  readonly grading: string;
  readonly taskFile?: string;
  readonly level?: number;
  readonly device: string;
  readonly precision: string;
  readonly threads?: number;
  readonly batch?: number;
  readonly out?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** Adds the command to the program; `done` takes the exit code. */
export function addEval(program: Command, done: (exitCode: number) => void): void {
  program.command("eval")
    .description(
      "Evaluate a policy on held-out questions: greedy, and so many samples a question, all measures from one set.",
    )
    .argument("[task]", tasks.map((task) => task.name).join(" or "), "arithmetic")
    .option(
      "--policy <name>",
      "embedded, embedded-cold, a preset (see `bench --help`), a Hugging Face folder (a policy or an adapter), or org/name[@revision] of the Hub; repeat it to compare (default: embedded, and of tasks with real data qwen2.5-0.5b)",
      collect,
    )
    .option("--split <name>", "test or validation", "test")
    .option("--items <n>", "questions: the first so many of the split (default: 256, or all)", parseCount("--items"))
    .option("--samples <k>", "completions drawn for each question, beside the greedy one", parseCount("--samples"), 8)
    .option("--temperature <t>", "of the drawn ones", parseNumber("--temperature"), 1)
    .option(
      "--top-p <p>",
      "draw among the likeliest tokens that together hold this probability",
      parseNumber("--top-p"),
      1,
    )
    .option("--top-k <k>", "draw among the k likeliest tokens; 0: all", parseCount("--top-k", 0), 0)
    .option("--max-tokens <n>", "length cap of a completion (default: the task's)", parseCount("--max-tokens"))
    .option("--shots <n>", "worked examples from the training split in every prompt", parseCount("--shots", 0), 0)
    .option("--seed <n>", "of the random draws and of the choice of examples", parseCount("--seed", 0), 0)
    .option("--data-dir <folder>", "the task's files (default: the cache, into which they are fetched)")
    .option("--prompt <name>", "how the task asks: paper, or one of its others (see `bench --help`)", "paper")
    .option("--grading <mode>", "strict, or lenient: an answer out of its layout counts too", "strict")
    .option("--task-file <file>", "a file that defines tasks")
    .option("--level <n>", "difficulty of a generated task (default: 2)", parseCount("--level", 0))
    .option(
      "--device <name>",
      "cpu, webgpu, cuda, dml, coreml (see `deno task doctor`), cuda:1 of several, or auto: the fastest",
      "cpu",
    )
    .option("--precision <name>", "float32, or float16 where the device can: its matrix products", "float32")
    .option("--threads <n>", "threads (default: the cores)", parseCount("--threads"))
    .option("--batch <n>", "completions side by side (default: as suits the model)", parseCount("--batch"))
    .option(
      "--out <folder>",
      "where results go; of several policies, the folder that gets one for each (default: results/eval-<task>-<policy>-<digest>)",
    )
    .option("--json", "the measures as JSON in the last line of standard output")
    .option("--debug", "show stack traces and what a failed process printed")
    .addHelpText(
      "after",
      `
Of each question one completion is greedy and k are drawn; samples.jsonl holds them all. Each is keyed by (seed, question,
number), so neither batch size nor threads matter, and more items or samples with the same --out add to what is there.
  pass@k       one of k is right                 maj@k     the answer given most often is; a tie counts by lot
  likeliest    the best of k by mean ln p a token   best format   by the rewards that are not correctness
All are means over every choice of k among the drawn ones. Intervals: Wilson for greedy, else bootstrap over questions.
The same command goes on where it was interrupted, also after a crash; \`deno task verify\` checks what it wrote.
Exit code: 0 done, 1 it failed, 2 the command was wrong, 130 interrupted by Ctrl-C.

Examples:
  deno task eval --items 32 --samples 4                     the embedded policy on arithmetic
  deno task eval --policy embedded --policy embedded-cold --items 16 --samples 2     two, and their paired difference
  deno task eval --split validation --items 16 --samples 2 --shots 1 --temperature 0.7 --top-p 0.95
  deno task eval gsm8k --policy HuggingFaceTB/SmolLM2-135M-Instruct --items 64 --samples 8
  deno task eval --device auto --items 16 --samples 2       on the GPU, where that is faster
  deno task eval gsm8k --data-dir gsm8k --policy policies/mine     what \`deno task policy\` wrote of a trained cell
`,
    )
    .action(async (task: string, flags: EvalFlags) => done(await evaluateAll(task, flags)));
}

interface Evaluated extends EvaluationResult {
  readonly plan: EvaluationPlan;
}

async function evaluateAll(task: string, flags: EvalFlags): Promise<number> {
  const names: readonly (string | null)[] = flags.policy ?? [null], plans: EvaluationPlan[] = [];
  for (const [i, policy] of names.entries()) {
    if (names.indexOf(policy) !== i) {
      throw new MisuseError(`Cannot evaluate --policy ${policy} twice: remove the duplicate`);
    }
    const { out, json: _, debug: __, policy: ___, ...asked } = flags, place = names.length > 1 ? "root" : "out";
    const where = out === undefined ? {} : { [place]: out }, named = policy === null ? {} : { policy };
    plans.push(await planEvaluation({ ...asked, ...where, ...named, task, fetching: { report: fetchProgress() } }));
  }
  const evaluated: Evaluated[] = [], print = flags.json ? console.error : console.log;
  let say = (text: string) => console.error(text);
  const { exitCode } = await interruptible(async (stop, kill) => {
    for (const plan of plans) {
      if (stop.aborted) return;
      if (plan.said !== null) console.error(plan.said);
      const progress = evaluationProgress(plan.asked.policy.name);
      say = progress.say;
      try {
        const result = await runEvaluation(plan, { signal: stop, kill, report: progress.report });
        evaluated.push({ ...result, plan });
      } finally {
        progress.stop();
        if (flags.debug && progress.log) console.error(`Log of the evaluation's process:\n${progress.log}`);
      }
      const { record } = evaluated.at(-1)!;
      if (record.status === "finished") print(`${evaluationText(record)}\n\nResults: ${plan.out}\n`);
    }
  }, () => say("Finishing the batch in flight … Ctrl-C again to stop at once"));

  const finished = evaluated.length === plans.length && evaluated.every(({ record }) => record.status === "finished");
  if (!finished) console.error("Interrupted; what was done is kept, and the same command goes on from there");
  const differences = finished ? differencesOf(evaluated) : [];
  for (const { against, policy, measures } of differences) print(`${differencesText(against, policy, measures)}\n`);
  if (flags.json) console.log(JSON.stringify(summaryOf(evaluated, differences, finished)));
  return finished ? 0 : exitCode ?? 1;
}

interface PolicyDifferences {
  readonly policy: string;
  readonly against: string;
  readonly measures: readonly EvaluationDifference[];
}

/** Each policy against the first. */
function differencesOf([first, ...others]: readonly Evaluated[]): PolicyDifferences[] {
  if (!first?.questions) return [];
  const { asked, task } = first.plan, options = { correctness: task.rewards[0] ?? "", maxTokens: asked.maxTokens };
  return others.flatMap(({ plan, questions }) =>
    first.questions && questions
      ? [{
        policy: plan.asked.policy.name,
        against: asked.policy.name,
        measures: compareEvaluations(first.questions, questions, options),
      }]
      : []
  );
}

function summaryOf(evaluated: readonly Evaluated[], differences: readonly PolicyDifferences[], finished: boolean) {
  return {
    status: finished ? "finished" : "interrupted",
    evaluations: evaluated.map(({ plan: { out }, record: { status, asked, outcome, digest, timing } }) => {
      return { out, status, asked, ...outcome, digest, seconds: timing.seconds };
    }),
    differences,
  };
}

/** A reader of numbers for the flag; what range they must be in is the plan's to say. */
function parseNumber(flag: string): (text: string) => number {
  return (text) => {
    if (/^\d*\.?\d+(e-?\d+)?$/i.test(text)) return Number(text);
    throw new MisuseError(`Cannot use ${flag} ${text}: it must be a number`);
  };
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

// Results and samples as lm-evaluation-harness writes them with --output_path and --log_samples, a folder a cell. The
// greedy answers stand under the filter "none", the n-th ones drawn at temperature 1 under "sample-n". The metric is
// called exact_match, but it is the verdict of Matchbox's grader; an argument is the question alone, because records do
// not hold the prompt around it. Without texts there are no samples, as without --log_samples.
// Source: https://github.com/EleutherAI/lm-evaluation-harness, lm_eval/result_schema.py and
// lm_eval/loggers/evaluation_tracker.py (0.4.13)

import { sha256 } from "../../base/digest.ts";
import type { Answer, Said } from "../../records/results.ts";
import { recordedStyle } from "../../records/task_text.ts";
import { endOf, type ExportedCell, type ExportFormat, folderNames, lacksCells, lastOn } from "./export_format.ts";

const METRIC = "exact_match";

/** <arm>/seed-<seed>/results_<date>.json and samples_<task>_<date>.jsonl */
export const lmEval: ExportFormat = {
  name: "lm-eval",
  summary: "results_*.json and samples_*.jsonl as lm-evaluation-harness writes them, a folder a cell",
  lacks: lacksCells,
  *files({ cells }) {
    for (const cell of cells) {
      const date = new Date(1000 * endOf(cell.record)).toISOString().slice(0, -1).replaceAll(":", "-");
      const { name } = cell.record.task, task = folderNames([name]).get(name);
      yield { path: `${cell.folder}/results_${date}.json`, content: [`${JSON.stringify(resultsOf(cell), null, 2)}\n`] };
      const samples = samplesOf(cell);
      if (samples === null) continue;
      yield { path: `${cell.folder}/samples_${task}_${date}.jsonl`, content: [samples] };
    }
  },
};

const filterOf = (sample: number) => sample === 0 ? "none" : `sample-${sample}`;

function resultsOf(cell: ExportedCell) {
  const { record, outcome, answers, model } = cell, { task } = record;
  const greedy = lastOn(outcome, "greedy"), sampled = lastOn(outcome, "sample");
  const n = greedy?.n ?? sampled?.n ?? 0;
  const scores: Record<string, number> = greedy ? meanOf("none", greedy.accuracy, greedy.n) : {};
  for (const [sample, of] of Map.groupBy(answers ?? [], ({ sample }) => sample)) {
    if (sample > 0) Object.assign(scores, meanOf(filterOf(sample), of.filter(isCorrect).length / of.length, of.length));
  }
  if (sampled) scores[`pass@${sampled.samples},samples`] = sampled.passAtSamples;
  const byTask = <T>(value: T) => ({ [task.name]: value });
  return {
    results: byTask({ name: task.name, alias: task.name, sample_len: n, ...scores }),
    group_subtasks: byTask([]),
    configs: byTask({
      task: task.name,
      output_type: "generate_until",
      metric_list: [{ metric: METRIC, aggregation: "mean", higher_is_better: true }],
      metadata: { version: task.version, data: task.data, ...recordedStyle(task), grader: "matchbox" },
    }),
    versions: byTask(task.version),
    "n-shot": byTask(0),
    higher_is_better: byTask({ [METRIC]: true }),
    "n-samples": byTask({ original: n, effective: n }),
    config: {
      model: "matchbox",
      model_args: { pretrained: model, arm: record.arm, seed: record.seed },
      batch_size: null,
      device: record.environment?.device ?? null,
      limit: null,
      gen_kwargs: null,
      random_seed: record.seed,
    },
    git_hash: record.environment?.gitCommit ?? null,
    date: endOf(record),
    task_hashes: {},
    model_source: "matchbox",
    model_name: model,
    model_name_sanitized: model.replaceAll(/["<>:/|\\?*[\]]+/g, "__"),
    total_evaluation_time_seconds: null,
  };
}

/** A mean of zeros and ones and its standard error, as lm-evaluation-harness names and computes them. */
function meanOf(filter: string, mean: number, n: number): Record<string, number> {
  const error = n > 1 ? Math.sqrt(mean * (1 - mean) / (n - 1)) : 0;
  return { [`${METRIC},${filter}`]: mean, [`${METRIC}_stderr,${filter}`]: error };
}

const isCorrect = ({ status }: Pick<Answer, "status">) => status === "correct";

function samplesOf({ answers }: ExportedCell): string | null {
  if (answers === null) return null;
  const documents = new Map<string, number>();
  let lines = "";
  for (const answer of answers) {
    if (answer.said === null) return null;
    if (!documents.has(answer.id)) documents.set(answer.id, documents.size);
    lines += `${JSON.stringify(rowOf(answer, answer.said, documents.get(answer.id)!))}\n`;
  }
  return lines;
}

function rowOf({ id, question, gold, sample, status }: Answer, { completion, extracted }: Said, document: number) {
  const doc = { id, question, answer: gold };
  return {
    doc_id: document,
    doc,
    target: gold,
    arguments: { gen_args_0: { arg_0: question, arg_1: { do_sample: sample > 0, temperature: sample > 0 ? 1 : 0 } } },
    resps: [[completion]],
    filtered_resps: [extracted ?? ""],
    filter: filterOf(sample),
    metrics: [METRIC],
    doc_hash: hash(JSON.stringify(doc, null, 2)),
    prompt_hash: hash(question),
    target_hash: hash(gold),
    [METRIC]: isCorrect({ status }) ? 1 : 0,
    status,
  };
}

const hash = (text: string) => sha256(text.toWellFormed());

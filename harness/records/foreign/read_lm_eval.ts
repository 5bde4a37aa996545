// Reads what lm-evaluation-harness writes with --log_samples: samples_<task>_<date>.jsonl, a JSON object a line with
// doc_id, doc_hash, prompt_hash, target_hash, filter, metrics (the names of those that follow) and a value for each
// metric. A task with several filters has a line a document for each, so that a score is named as in its results:
// "exact_match,strict-match". Older files have neither hashes nor filter. Several files of one task are its runs.
// Written by lm_eval/loggers/evaluation_tracker.py and lm_eval/evaluator.py of
// https://github.com/EleutherAI/lm-evaluation-harness

import { basename } from "node:path";
import { z } from "zod";
import { sha256 } from "../../base/digest.ts";
import { FailureError, MisuseError } from "../../base/errors.ts";
import { readTextFile } from "../../base/json_file.ts";
import { check } from "../store.ts";
import type { ForeignSample, ForeignSamples } from "./foreign_samples.ts";
import { chooseMetric, gatherTask } from "./gather_task.ts";
import { parseLooseJson } from "./loose_json.ts";

const line = z.looseObject({
  doc_id: z.union([z.int(), z.string()]),
  filter: z.string().default("none"),
  metrics: z.array(z.string()).optional(),
  doc_hash: z.string().optional(),
  prompt_hash: z.string().optional(),
  target_hash: z.string().optional(),
});

type Line = z.output<typeof line>;

/** Fields of a line that are no scores, whatever their type. */
const OTHER = new Set(["doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"]);

/** Metrics of which less is better: a drop is no loss. */
const LESS_IS_BETTER = new Set([
  "perplexity",
  "word_perplexity",
  "byte_perplexity",
  "bits_per_byte",
  "brier_score",
  "ter",
  "wer",
  "cer",
]);

/** The task in a file's name; null where it is named otherwise. */
export function taskOfFile(path: string): string | null {
  const name = basename(path);
  return /^samples_(.+)_\d{4}-\d{2}-\d{2}T[^_]*\.jsonl$/.exec(name)?.[1] ?? /^samples_(.+)\.jsonl$/.exec(name)?.[1] ??
    null;
}

/**
 * The samples in these files.
 * @param origin the path as it was given
 * @param metric which score, "exact_match" or "exact_match,strict-match"; null: the only one
 * @throws FailureError naming the line, MisuseError where the metric must be chosen
 */
export async function readLmEval(
  origin: string,
  files: readonly string[],
  metric: string | null,
): Promise<ForeignSamples> {
  const read = await Promise.all(
    files.toSorted().map(async (path) => ({ path, task: taskOfFile(path), lines: await readLines(path) })),
  );
  const tasks = [...Map.groupBy(read, ({ task }) => task)].map(([task, group]) => {
    const chosen = choose(metric, group.flatMap(({ lines }) => lines), group[0]!.path);
    const runs = group.map(({ path, lines }) => ({
      run: basename(path),
      place: path,
      samples: samplesOf(lines, chosen),
    }));
    return gatherTask(task, chosen, runs);
  });
  const bare = tasks.some(({ items }) => items.some(({ question }) => question === null));
  const notes = bare ? [`"${origin}" has no hashes: that the questions are the same is taken on trust`] : [];
  return { origin, tool: "lm-evaluation-harness", made: "lm-evaluation-harness samples", tasks, notes };
}

async function readLines(path: string): Promise<Line[]> {
  const lines = (await readTextFile(path)).split("\n").flatMap((text, i) => {
    const place = `${path}, line ${i + 1}`;
    return text.trim() === "" ? [] : [check(line, parseLooseJson(text, place), place)];
  });
  if (lines.length === 0) throw new FailureError(`Cannot read "${path}": it has no samples … give a whole file`);
  return lines;
}

/** "exact_match,strict-match" among what the lines have; the filter may be left out where there is but one. */
function choose(wanted: string | null, lines: readonly Line[], place: string): string {
  const found = [...new Set(lines.flatMap((one) => scoresOf(one).map((name) => `${name},${one.filter}`)))];
  const named = wanted === null ? [] : found.filter((name) => name.replace(/,[^,]*$/, "") === wanted);
  const chosen = chooseMetric(named.length === 1 ? named[0]! : wanted, found, place);
  if (!LESS_IS_BETTER.has(chosen.replace(/,[^,]*$/, ""))) return chosen;
  throw new MisuseError(`Cannot compare ${chosen}: less of it is better … choose another with --metric`);
}

/** Names of a line's scores: those of `metrics`, else every number that is none of the format's own fields. */
function scoresOf(one: Line): string[] {
  const names = one.metrics ?? Object.keys(one).filter((name) => !OTHER.has(name));
  return names.filter((name) => ["number", "boolean"].includes(typeof one[name]) || one[name] === null);
}

function samplesOf(lines: readonly Line[], metric: string): ForeignSample[] {
  const at = metric.lastIndexOf(","), name = metric.slice(0, at), filter = metric.slice(at + 1);
  return lines.filter((one) => one.filter === filter).map((one) => {
    const value = one[name], { doc_hash, target_hash, prompt_hash } = one;
    return {
      id: String(one.doc_id),
      question: doc_hash === undefined ? null : sha256(doc_hash, target_hash ?? ""),
      prompt: prompt_hash ?? null,
      score: typeof value === "number" || typeof value === "boolean" ? Number(value) : NaN,
    };
  });
}

// Reads inspect_ai's logs in its JSON format: { version, status, eval: { task, model, … }, samples: [{ id, epoch, input,
// target, scores: { <scorer>: { value, … } }, error }] }. A value is "C", "P", "I" or "N" (1, 0.5, 0, 0), "yes" or "no",
// a number, a boolean, or an object of those, whose scores are named "<scorer>.<key>". Epochs are runs. A sample that
// ended in an error, or that its scorer left unscored, has no score. The zipped .eval format is not read.
// Written by src/inspect_ai/log/_log.py of https://github.com/UKGovernmentBEIS/inspect_ai

import { basename } from "node:path";
import { z } from "zod";
import { canonicalJson } from "../../base/canonical_json.ts";
import { sha256 } from "../../base/digest.ts";
import { FailureError } from "../../base/errors.ts";
import { isObject, readTextFile } from "../../base/json_file.ts";
import { check } from "../store.ts";
import type { ForeignSample, ForeignSamples } from "./foreign_samples.ts";
import { chooseMetric, type ForeignRun, gatherTask } from "./gather_task.ts";
import { parseLooseJson } from "./loose_json.ts";

const sample = z.looseObject({
  id: z.union([z.int(), z.string()]),
  epoch: z.int().min(1),
  input: z.unknown().optional(),
  target: z.unknown().optional(),
  scores: z.record(z.string(), z.looseObject({ value: z.unknown() })).nullish(),
  error: z.unknown().optional(),
});

const log = z.looseObject({
  status: z.string(),
  eval: z.looseObject({
    task: z.string(),
    task_version: z.union([z.int(), z.string()]).optional(),
    model: z.string().optional(),
    packages: z.record(z.string(), z.string()).optional(),
  }),
  samples: z.array(sample).nullish(),
});

type Sample = z.output<typeof sample>;

/** What inspect_ai's own metrics make of a text. */
const WORDS: Readonly<Record<string, number>> = {
  C: 1,
  P: 0.5,
  I: 0,
  N: 0,
  yes: 1,
  true: 1,
  no: 0,
  false: 0,
};

/**
 * The samples in these logs.
 * @param origin the path as it was given
 * @param metric which score, "<scorer>" or "<scorer>.<key>"; null: the only one
 * @throws FailureError naming the place, MisuseError where the metric must be chosen
 */
export async function readInspect(
  origin: string,
  files: readonly string[],
  metric: string | null,
): Promise<ForeignSamples> {
  const read = await Promise.all(files.toSorted().map(async (path) => ({ path, ...await readLog(path) })));
  const tasks = [...Map.groupBy(read, (one) => one.eval.task)].map(([task, logs]) => {
    const all = logs.flatMap(({ samples }) => samples),
      chosen = chooseMetric(metric, all.flatMap(names), logs[0]!.path);
    return gatherTask(task, chosen, logs.flatMap(({ path, samples }) => epochs(path, samples, chosen)));
  });
  const models = [...new Set(read.map((one) => one.eval.model ?? "an unknown model"))];
  const version = read[0]?.eval.packages?.["inspect_ai"];
  const notes = read.filter(({ status }) => status !== "success")
    .map(({ path, status }) => `"${path}" ended with status "${status}": samples may be missing`);
  const made = `inspect_ai${version === undefined ? "" : ` ${version}`}, ${models.join(", ")}`;
  return { origin, tool: "inspect_ai", made, tasks, notes };
}

async function readLog(path: string) {
  const { samples, ...rest } = check(log, parseLooseJson(await readTextFile(path), path), path);
  if (samples?.length) return { ...rest, samples };
  throw new FailureError(`Cannot read "${path}": the log holds no samples … give one that was written with them`);
}

/** The samples of each epoch. */
function epochs(path: string, samples: readonly Sample[], metric: string): ForeignRun[] {
  const byEpoch = [...Map.groupBy(samples, ({ epoch }) => epoch)].sort(([a], [b]) => a - b);
  return byEpoch.map(([epoch, group]) => ({
    run: `${basename(path)}, epoch ${epoch}`,
    place: path,
    samples: group.map((one): ForeignSample => ({
      id: String(one.id),
      question: sha256(canonicalJson([textOf(one.input), textOf(one.target)])),
      prompt: null,
      score: one.error ? NaN : scoreOf(one, metric),
    })),
  }));
}

/** Messages have random ids: of a chat, roles and contents are compared. Lone surrogates have no UTF-8. */
function textOf(value: unknown): string {
  const plain = Array.isArray(value)
    ? value.map((one) => isObject(one) ? { role: one.role ?? null, content: one.content ?? null } : one)
    : value;
  return (JSON.stringify(plain) ?? "").toWellFormed();
}

function names({ scores }: Sample): string[] {
  return Object.entries(scores ?? {}).flatMap(([scorer, { value }]) =>
    isObject(value) ? Object.keys(value).map((key) => `${scorer}.${key}`) : Array.isArray(value) ? [] : [scorer]
  );
}

function scoreOf({ scores }: Sample, metric: string): number {
  for (const [scorer, { value }] of Object.entries(scores ?? {})) {
    if (scorer === metric) return numberOf(value);
    if (!isObject(value) || !metric.startsWith(`${scorer}.`)) continue;
    return numberOf(new Map(Object.entries(value)).get(metric.slice(scorer.length + 1)));
  }
  return NaN;
}

function numberOf(value: unknown): number {
  if (typeof value === "number" || typeof value === "boolean") return Number(value);
  if (typeof value !== "string") return NaN;
  const word = Object.hasOwn(WORDS, value) ? WORDS[value] : WORDS[value.toLowerCase()];
  return word ?? (value.trim() === "" ? NaN : Number(value));
}

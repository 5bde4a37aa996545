// The shapes of an evaluation on its own: evaluation.json, and a line of the samples.jsonl beside it. What was asked for
// and what came of it are hashed; where it ran and how long it took stand apart. Measures are pure functions of the
// lines (harness/stats/evaluation_measures.ts).

import { z } from "zod";
import { DEVICES } from "../base/device_names.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { readJsonFile } from "../base/json_file.ts";
import { askedTaskSchema, foundPolicySchema } from "./plan_schema.ts";
import { environmentSchema, halfSchema, sampleSchema, SCHEMA_VERSION } from "./schema.ts";
import { checkStored, readLines, storedDigest, type StoredLines } from "./store.ts";

const count = () => z.int().min(0);
const share = () => z.number().min(0).max(1);
const sha256Hex = () => z.string().regex(/^[0-9a-f]{64}$/);

/** Completions drawn for a question, at most: what the unbiased maj@k can count. */
export const MOST_SAMPLES = 1000;

/** A line of an evaluation's samples.jsonl. */
export const evaluationSampleSchema = sampleSchema.extend({
  sample: count().describe("0: the greedy one; 1 and up: the drawn ones"),
  place: count().describe("position of the question in its split: with seed and `sample` the key of its random stream"),
  truncated: z.boolean().describe("the cap came before an end-of-sequence token"),
  logProbability: z.number()
    .describe(
      "sum over its tokens of ln p under the distribution that they were drawn from; greedy: that of temperature 1",
    ),
  firstCorrect: count().nullable()
    .describe("tokens up to the first place where the right answer stands in it; null: nowhere"),
  reflections: count().describe("how often it turns back on itself, by the words of harness/rl/thinking.ts"),
  correctAt: z.array(z.int().min(1))
    .describe("of 8, 16, 32 … tokens, those below its length at which it would have been correct, cut there"),
});

const estimate = z.strictObject({
  value: z.number(),
  lower: z.number(),
  upper: z.number(),
  level: share(),
  method: z.string(),
  note: z.string().nullable(),
}).meta({ id: "estimate" });

const lengths = z.strictObject({
  completions: z.int().min(1),
  mean: estimate,
  median: z.number().min(0),
  p95: z.number().min(0).describe("95th percentile: the least length that 95 of 100 do not exceed"),
}).nullable().describe("in tokens; null: there are none");

const mode = z.strictObject({
  completions: z.int().min(1),
  accuracy: estimate.describe("mean over questions of the share of correct completions"),
  statuses: z.record(z.string(), count()),
  truncated: share().describe("share without an end of sequence within the cap"),
  rewards: z.record(z.string(), z.number()).describe("mean of each reward by name"),
  length: z.strictObject({
    all: lengths,
    correct: lengths,
    wrong: lengths.describe("wrong: all that are not correct"),
  }),
  firstCorrect: estimate.nullable()
    .describe("of correct completions: mean tokens up to the first place where the right answer stands"),
  waste: estimate.nullable().describe("of correct completions: mean share of tokens after that place"),
  lost: estimate.nullable().describe("share of the other completions in which the right answer stands all the same"),
  reflections: estimate.describe("mean number a completion"),
});

/** What an evaluation comes to; every interval speaks of other questions. */
export const evaluationMeasuresSchema = z.strictObject({
  greedy: mode,
  sampled: mode,
  atK: z.array(z.strictObject({
    k: z.int().min(1),
    pass: estimate.describe("pass@k: at least one of k is correct"),
    majority: estimate.describe("maj@k: the answer given most often is correct; a tie of t answers counts 1 / t"),
    likeliest: estimate.describe("best of k by mean ln p a token"),
    bestFormat: estimate.describe("best of k by the sum of the rewards that are not the first, correctness"),
  })).describe("of the drawn completions, for k = 1, 2, 4 … and all; means over all k-subsets"),
  atBudget: z.array(z.strictObject({ tokens: z.int().min(1), greedy: estimate, sampled: estimate }))
    .describe("accuracy, were every completion cut after so many tokens"),
});

/** What is asked for but for how much of it: what names a set of samples. */
const setFields = {
  task: askedTaskSchema,
  policy: foundPolicySchema,
  split: z.enum(["validation", "test"]),
  shots: z.array(z.string()).describe("ids of the worked examples in every prompt, from the training split"),
  seed: count().max(2 ** 32 - 1),
  temperature: z.number().positive(),
  topK: count().describe("0 keeps all"),
  topP: z.number().gt(0).max(1).describe("1 keeps all"),
  maxTokens: z.int().min(1).describe("length cap of a completion"),
  device: z.enum(DEVICES),
  precision: halfSchema,
};

const askedSchema = z.strictObject({
  ...setFields,
  items: z.int().min(1).describe("questions: the first so many of the split"),
  samples: z.int().min(1).max(MOST_SAMPLES).describe("completions drawn for each question, beside the greedy one"),
});

/** evaluation.json. */
export const evaluationRecordSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  kind: z.literal("matchbox.evaluation"),
  status: z.enum(["unfinished", "finished"]),
  asked: askedSchema,
  outcome: z.strictObject({
    samples: sha256Hex().describe("SHA-256 of the lines of samples.jsonl that were asked for, by question and sample"),
    measures: evaluationMeasuresSchema,
  }).nullable().describe("what a rerun must reproduce; null unless finished"),
  digest: sha256Hex().nullable().describe("SHA-256 of the canonical JSON (RFC 8785) of {asked, outcome}"),
  timing: z.strictObject({
    startedAt: z.iso.datetime(),
    seconds: z.number().min(0).describe("of the runs that were not killed"),
    runs: z.int().min(1).describe("how often it was taken up, the first time included"),
  }),
  environment: environmentSchema.nullable().describe("where the last samples were drawn; null: none were yet"),
  peakMemoryBytes: count().nullable().describe(
    "largest resident memory of that process; null: it has not come to its end",
  ),
});

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type EvaluationSample = Frozen<z.output<typeof evaluationSampleSchema>>;
export type EvaluationMeasures = Frozen<z.output<typeof evaluationMeasuresSchema>>;
export type ModeMeasures = EvaluationMeasures["greedy"];
export type AskedEvaluation = Frozen<z.output<typeof askedSchema>>;
/** What is asked for but for the numbers of questions and of samples. */
export type AskedSet = Omit<AskedEvaluation, "items" | "samples">;
export type MatchboxEvaluation = Frozen<z.output<typeof evaluationRecordSchema>>;

/** What a set of samples is a function of, the numbers of questions and of samples left out: a larger one extends it. */
export function setOf({ items: _, samples: __, ...set }: AskedEvaluation): AskedSet {
  return set;
}

/** The digest that names a set of samples. */
export function setDigest(asked: AskedEvaluation): string {
  return sha256(canonicalJson(setOf(asked)));
}

/** A line of samples.jsonl, newline included; canonical, so that equal samples are equal bytes. */
export function evaluationLine(sample: EvaluationSample): string {
  return canonicalJson(sample) + "\n";
}

/** By question, then by sample: the order of samples.jsonl. */
export function inSetOrder(samples: readonly EvaluationSample[]): EvaluationSample[] {
  return samples.toSorted((a, b) => a.place - b.place || a.sample - b.sample);
}

/** The digest of lines in order. */
export function samplesDigest(samples: readonly EvaluationSample[]): string {
  return sha256(samples.map(evaluationLine).join(""));
}

/** The digest of what an evaluation came to. */
export function evaluationDigest({ asked, outcome }: Pick<MatchboxEvaluation, "asked" | "outcome">): string {
  return sha256(canonicalJson({ asked, outcome }));
}

/** An evaluation.json. @throws FailureError if it is missing, malformed, of an unknown version, or its digest does not hold */
export async function readEvaluation(path: string): Promise<MatchboxEvaluation> {
  const record = checkStored("matchbox.evaluation", evaluationRecordSchema, await readJsonFile(path), path);
  const { asked, outcome, digest } = record;
  if (outcome === null || digest === storedDigest({ asked, outcome }, path)) return record;
  throw new FailureError(
    `Cannot trust "${path}": what it says does not have the digest that stands beside it … evaluate again`,
  );
}

/** The samples.jsonl beside it. @throws FailureError naming the line */
export function readEvaluationSamples(path: string): Promise<StoredLines<EvaluationSample>> {
  return readLines("sample", evaluationSampleSchema, path, SCHEMA_VERSION);
}

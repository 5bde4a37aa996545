// The one config record: every knob of a cell, with its default, range and meaning. Flags (`--set rl.learningRate=…`),
// config files, `--help` and the table in the documentation derive from it; unknown keys are refused.
// What is not here cannot change a result: threads and device belong to the environment, paths to the command.

import { z } from "zod";
import { MisuseError } from "./base/errors.ts";
import { suggest } from "./base/suggest.ts";

const positiveInt = () => z.int().min(1);

const task = z.strictObject({
  level: z.int().min(0).max(3).default(2)
    .describe("difficulty of a generated task, 0 (easiest) to 3; tasks from files ignore it"),
}).describe("the questions");

const rl = z.strictObject({
  updates: z.int().min(0).default(120).describe("policy updates of a cell, unless rl.tokens is set"),
  tokens: z.int().min(0).default(0)
    .describe("token budget of a cell: it ends with the update that uses it up; 0: rl.updates is the budget"),
  questions: positiveInt().default(8).describe("questions asked for one update"),
  completions: z.int().min(2).default(8).describe("completions sampled for each question (G)"),
  maxPromptTokens: positiveInt().default(128).describe("longest prompt in tokens; a longer one is refused"),
  maxCompletionTokens: positiveInt().default(64).describe("length cap of a completion, in tokens"),
  temperature: z.number().positive().max(10).default(1).describe("sampling temperature of rollouts"),
  topK: z.int().min(0).default(0).describe("sample among the k likeliest tokens only; 0 keeps all"),
  topP: z.number().gt(0).max(1).default(1)
    .describe("sample among the likeliest tokens that together hold this probability; 1 keeps all"),
  correctnessWeight: z.number().min(0).default(1).describe("weight of the task's first reward, correctness"),
  formatWeight: z.number().min(0).default(1).describe("weight of the task's other rewards"),
  intrinsicOnZeroGroups: z.boolean().default(true)
    .describe("an arm's bonuses also count in groups whose completions are all correct or all wrong"),
  redraws: z.int().min(0).default(0)
    .describe("a group whose completions are all correct or all wrong is drawn again up to so many times"),
  replay: z.int().min(0).default(0)
    .describe("questions of an update that are earlier ones, one of whose old correct completions joins the new"),
  advantage: z.enum(["std", "mean", "leave-one-out", "decoupled"]).default("std")
    .describe(
      "group-relative advantage: divided by the group's std (GRPO), centred only (Dr. GRPO), leave-one-out (RLOO), each reward on its own (GDPO)",
    ),
  advantageEpsilon: z.number().min(0).default(1e-4).describe("added to the group's std before dividing"),
  loss: z.enum(["grpo", "dapo", "dr_grpo"]).default("grpo")
    .describe(
      "mean over tokens in a sequence, then over sequences (grpo); over all tokens (dapo); constant norm (dr_grpo)",
    ),
  clipLow: z.number().min(0).max(1).default(0.2).describe("the ratio is clipped below 1 - clipLow"),
  clipHigh: z.number().min(0).default(0.2).describe("the ratio is clipped above 1 + clipHigh"),
  updatesPerBatch: positiveInt().default(1).describe("optimizer steps on one batch of rollouts"),
  klBeta: z.number().min(0).default(0).describe("weight of the KL penalty to the frozen initial policy (k3 estimator)"),
  maskTruncated: z.boolean().default(false).describe("leave completions cut off at the cap out of the loss"),
  microBatch: z.int().min(0).default(0)
    .describe("completions in one backward pass; bounds memory, does not change the update; 0 chooses"),
  learningRate: z.number().min(0).max(1).default(2e-6).describe("peak learning rate of AdamW"),
  schedule: z.enum(["constant", "linear", "cosine"]).default("constant").describe("learning rate after warm-up"),
  warmup: z.number().min(0).max(1).default(0.05).describe("share of the updates over which the rate rises from 0"),
  beta1: z.number().min(0).lt(1).default(0.9).describe("AdamW: decay of the first moment"),
  beta2: z.number().min(0).lt(1).default(0.99).describe("AdamW: decay of the second moment"),
  epsilon: z.number().positive().default(1e-8).describe("AdamW: added to the root of the second moment"),
  weightDecay: z.number().min(0).max(1).default(0).describe("AdamW: decoupled decay of weight matrices"),
  maxGradNorm: z.number().positive().default(1).describe("gradients are scaled down to this global norm"),
}).describe("rollouts and updates");

const memory = z.strictObject({
  embedder: z.enum(["policy", "hashing", "minilm"]).default("policy")
    .describe("vectors of texts: hidden states of the initial policy, character n-grams, or all-MiniLM-L6-v2"),
  minilm: z.string().min(1).default("Xenova/all-MiniLM-L6-v2")
    .describe("folder or Hub name of the minilm embedder"),
  response: z.enum(["reasoning", "whole"]).default("reasoning")
    .describe("what of a completion is remembered; the whole where it has no reasoning part"),
  order: z.enum(["score-first", "as-released"]).default("score-first")
    .describe("score a group, then remember it; or, as released, remember each completion before it is scored"),
  key: z.enum(["question", "as-released"]).default("question")
    .describe("a group's key is its question; or, as released, the first question of each two"),
  keys: positiveInt().default(10_000).describe("questions remembered in each memory; the oldest leaves first (N)"),
  values: positiveInt().default(100).describe("completions remembered for a question; the oldest leaves first (L)"),
  neighbours: positiveInt().default(1).describe("nearest questions whose completions are compared with (K)"),
  window: positiveInt().default(100).describe("raw values whose range normalises a bonus"),
  epsilon: z.number().positive().default(1e-8).describe("added to that range"),
  exploitWeight: z.number().min(0).default(1).describe("weight of the bonus for being near to successes"),
  exploreWeight: z.number().min(0).default(1).describe("weight of the bonus for being far from failures"),
  warmup: z.number().min(0).max(1).default(0.1).describe("share of the budget over which bonuses for novelty stay 0"),
  annealing: z.number().positive().max(1).default(1).describe("factor on bonuses for novelty, once for every update"),
  exactKeys: positiveInt().default(20_000).describe("above so many keys, neighbours are searched approximately (HNSW)"),
}).describe("episodic memory and bonuses, of arms that have them");

const cosine = z.strictObject({
  unit: z.enum(["tokens", "chars"]).default("tokens")
    .describe("what the length reward counts against the cap in tokens; chars: as released"),
}).describe("the length reward of the arm cosine");

const collapse = z.strictObject({
  window: positiveInt().default(10).describe("updates over which a collapse detector averages, the first and the last"),
  solved: z.number().min(0).max(1).default(0.6).describe("no collapse at or above this correctness"),
  correctnessRise: z.number().min(0).default(0.02).describe("correctness is flat while it has risen by less than this"),
  formatRise: z.number().positive().default(0.15)
    .describe("reward mode: the other rewards rose by so many of their first standard deviations, correctness is flat"),
  flatFor: positiveInt().default(100).describe(
    "reward mode: updates over which that is averaged, after the first ones",
  ),
  shortShare: z.number().min(0).max(1).default(0.25)
    .describe("length: share of its first value that completion length falls to while correctness is flat"),
  capShare: z.number().min(0).max(1).default(0.8)
    .describe("length: share of completions cut off at the cap, fewer at first"),
  distinct: z.number().min(0).max(1).default(0.25)
    .describe("diversity: share of its first value that distinct falls to"),
  similarity: z.number().min(0).max(1).default(0.9)
    .describe("diversity: mean similarity of two completions, less at first"),
  entropy: z.number().min(0).default(0.1).describe("entropy: share of its first value that entropy falls to"),
}).describe("thresholds of the collapse detectors");

const evaluation = z.strictObject({
  every: z.int().min(0).default(20).describe("greedy validation after every so many updates; 0: only before and after"),
  validationItems: positiveInt().default(256).describe("validation questions of each evaluation"),
  testItems: positiveInt().default(256).describe("test questions of the evaluations before and after training"),
  samples: z.int().min(0).max(1024).default(0)
    .describe("also sample this many completions at temperature 1 for each test question (pass@k); 0: greedy only"),
  checkpoint: z.enum(["last", "best"]).default("last")
    .describe("weights of the final evaluation: the last, or those that were best on validation"),
  batch: positiveInt().default(64).describe("completions generated side by side"),
}).describe("held-out evaluation, apart from any reward");

/** Schema of the config record, in groups. Parse with {@linkcode parseConfig}, which names what is wrong. */
export const configSchema = z.strictObject({
  task: task.prefault({}),
  rl: rl.prefault({}),
  memory: memory.prefault({}),
  cosine: cosine.prefault({}),
  evaluation: evaluation.prefault({}),
  collapse: collapse.prefault({}),
});

/** A resolved config: every field present. */
export type Config = z.output<typeof configSchema>;

/** What may be written where a config is asked for: any part of it. */
export type ConfigInput = z.input<typeof configSchema>;

/** One field of the config, as help and documentation show it. */
export interface ConfigField {
  /** Dotted: "rl.learningRate". */
  readonly key: string;
  readonly type: "integer" | "number" | "boolean" | "string";
  /** The allowed values in words: "a number from 0 to 1". */
  readonly range: string;
  readonly default: string | number | boolean;
  readonly description: string;
}

/** The part of a field's JSON Schema that matters here; derived from {@linkcode configSchema} and checked by it. */
const fieldSchema = z.object({
  type: z.enum(["integer", "number", "boolean", "string"]),
  description: z.string(),
  default: z.union([z.string(), z.number(), z.boolean()]),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
});

const groupsSchema = z.object({
  properties: z.record(z.string(), z.object({ properties: z.record(z.string(), fieldSchema) })),
});

function describeRange(field: z.output<typeof fieldSchema>): string {
  if (field.enum) return `one of ${field.enum.join(", ")}`;
  if (field.type === "boolean") return "true or false";
  if (field.type === "string") return "text";
  const { minimum = -Infinity, exclusiveMinimum, maximum = Infinity, exclusiveMaximum } = field;
  const noun = field.type === "integer" ? "an integer" : "a number";
  const least = minimum > Number.MIN_SAFE_INTEGER, most = maximum < Number.MAX_SAFE_INTEGER; // z.int() has bounds
  if (least && most) return `${noun} from ${minimum} to ${maximum}`;
  const bounds = [
    least ? `of at least ${minimum}` : exclusiveMinimum === undefined ? "" : `above ${exclusiveMinimum}`,
    most ? `of at most ${maximum}` : exclusiveMaximum === undefined ? "" : `below ${exclusiveMaximum}`,
  ];
  return `${noun} ${bounds.filter(Boolean).join(" and ")}`.trim();
}

/** Every field of the config in the order of the schema: the one source of `--set`, help and documentation. */
export const configFields: readonly ConfigField[] = Object.entries(
  groupsSchema.parse(z.toJSONSchema(configSchema, { io: "input" })).properties,
).flatMap(([group, { properties }]) =>
  Object.entries(properties).map(([name, field]) => ({
    key: `${group}.${name}`,
    type: field.type,
    range: describeRange(field),
    default: field.default,
    description: field.description,
  }))
);

/** The field with a dotted key. @throws MisuseError with the nearest key where there is none. */
export function findConfigField(key: string, where: string): ConfigField {
  const field = configFields.find((candidate) => candidate.key === key);
  if (field) return field;
  throw unknownKey(key, where);
}

function unknownKey(key: string, where: string): MisuseError {
  const hint = suggest(key, configFields.map((field) => field.key));
  return new MisuseError(`Cannot use config key "${key}" (${where}): it does not exist${hint}`);
}

/**
 * The config with every field present, frozen; what `value` leaves out takes its default.
 * @param where whence the value comes, for the message: "--set", a file name, an arm.
 * @throws MisuseError naming every bad field: its dotted key, the value that stands there, what is allowed.
 */
export function parseConfig(value: unknown, where: string): Config {
  const result = configSchema.safeParse(value);
  if (result.success) return freeze(result.data);
  const messages = result.error.issues.map((issue) => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKey(path ? `${path}.${key}` : key, where).message).join("\n");
    }
    const found = JSON.stringify(valueAt(value, issue.path)) ?? "undefined";
    const field = configFields.find((candidate) => candidate.key === path);
    const allowed = field ? `${field.range} (${field.description})` : "a mapping of keys to values";
    return `Cannot use ${path || "the config"} = ${found} (${where}): must be ${allowed}`;
  });
  throw new MisuseError(messages.join("\n"));
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  for (const key of path) value = new Map(Object.entries(Object(value))).get(String(key));
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function freeze(config: Config): Config {
  for (const group of Object.values(config)) Object.freeze(group);
  return Object.freeze(config);
}

// The nouns of Matchbox in the order in which data flows through them. Types only: no code, no defaults.
//
//   task item -> rollout -> graded reward -> shaped reward -> advantage -> update -> step record -> cell record
//
// Every room speaks in these; a room that needs a noun of its own keeps it to itself.

import type { Precision } from "./base/device_names.ts";
import type { Config } from "./config.ts";

// *** task ***

/** Which part of a task's questions an item belongs to. The three never share a question. */
export type Split = "train" | "validation" | "test";

/** One question with its gold answer. */
export interface TaskItem {
  /** Unique within the task, stable across versions of the code; pairing in statistics goes by it. */
  readonly id: string;
  readonly question: string;
  /** The gold answer in canonical form, e.g. "18" (commas and units removed). */
  readonly gold: string;
  /** The way to it in words, in one line, where the data has one; a policy sees it only in a supervised warm-up. */
  readonly solution?: string;
}

/** One chat message, as Hugging Face chat templates take it. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/**
 * What became of a completion. `truncated` (no end-of-sequence within the cap and no answer), `unparseable` (no answer
 * found) and `timeout` (an answer that the grader's algebra did not decide about, in time or at all) count as wrong in
 * every accuracy and are reported apart.
 */
export type GradeStatus = "correct" | "wrong" | "unparseable" | "truncated" | "timeout";

/** How many became what; `timeout` stands only where it occurred. */
export type StatusCounts = Readonly<Record<Exclude<GradeStatus, "timeout">, number>> & { readonly timeout?: number };

/** The grader's verdict over one completion. */
export interface Grade {
  readonly status: GradeStatus;
  /** The answer found in the completion, or null. */
  readonly extracted: string | null;
  /** One value per name of {@linkcode Task.rewards}, in that order. Their sum is the total reward. */
  readonly rewards: readonly number[];
}

/** A verdict that pays nothing: training goes by the rewards of the strict one. */
export type LenientGrade = Pick<Grade, "status" | "extracted">;

/** Items of one split: `size` of them, or Infinity where a generator makes them. Items are made on demand. */
export interface ItemSource {
  readonly size: number;
  /** The item at a position; the same position always gives the same item. Throws RangeError outside [0, size). */
  item(index: number): TaskItem;
}

/** A loaded task: its three splits and the digest of everything that defines them. */
export interface TaskData {
  readonly splits: Readonly<Record<Split, ItemSource>>;
  /** SHA-256 (hex) of the source files, or of the generator's version and options. */
  readonly digest: string;
}

/** How an answer is looked for: in the task's layout alone, or wherever a reader would find one. */
export type Grading = "strict" | "lenient";

/** How a task asks and grades, where that is not its first way: by the name of a prompt, and by leniency. */
export interface TaskStyle {
  /** @default "paper", the task's own */
  readonly prompt?: string;
  /** @default "strict" */
  readonly grading?: "lenient";
}

/**
 * A file of a task's data, as it was when the task was written, and where it is fetched if no folder is given. What a run
 * read is in its record: {@linkcode TaskData.digest}.
 */
export interface DataFile {
  /** Below the data folder, with "/". */
  readonly path: string;
  /** A file of a GitHub repository, or of a dataset of the Hugging Face Hub. */
  readonly host: "github" | "hub";
  /** "org/name" */
  readonly repository: string;
  /** A commit. */
  readonly revision: string;
  /** In the repository. */
  readonly source: string;
  /** Null where the file was not at hand. */
  readonly sha256: string | null;
  readonly bytes: number | null;
  readonly rows: number | null;
  readonly licence: string;
}

/** What a task is loaded with. */
export interface TaskOptions {
  /** Folder with the task's files; a generated task ignores it. */
  readonly dataDir: string | null;
  /** Difficulty of a generated task, 0 (easiest) to 3; tasks from files ignore it. */
  readonly level: number;
}

/** Questions with gold answers, a prompt and a grader: text in, text out. */
export interface Task {
  readonly name: string;
  /** Raised whenever questions, prompt or grader change in a way that changes scores. */
  readonly version: number;
  readonly summary: string;
  /** Reward components in the order of {@linkcode Grade.rewards}; the first one is correctness. */
  readonly rewards: readonly string[];
  /** The files that it reads, if it reads any that can be fetched. */
  readonly sources?: readonly DataFile[];
  load(options: TaskOptions): Promise<TaskData>;
  /** The chat that asks the question: its prompt "paper". */
  prompt(item: TaskItem): readonly Message[];
  /** Other chats that ask it, by name; see tasks/style_task.ts. */
  readonly prompts?: Readonly<Record<string, (item: TaskItem) => readonly Message[]>>;
  /** @param truncated the completion hit the length cap before an end-of-sequence token. */
  grade(item: TaskItem, completion: string, truncated: boolean): Grade;
  /** The same for an answer out of its layout. Rewards are those of `grade`, whatever this says. */
  gradeLeniently?(item: TaskItem, completion: string, truncated: boolean): LenientGrade;
  /** Config fields that fit its prompts and answers, over the defaults; dotted names. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /**
   * A completion in the task's layout that gives this answer: what the reward self-test grades and a supervised warm-up
   * shows. @param reasoning what stands before the answer, where the layout has a place for it; a phrase without one
   */
  answer(item: TaskItem, answer: string, reasoning?: string): string;
  /** A worked example that the conformance suite and the documentation use. */
  readonly example: { readonly item: TaskItem; readonly completion: string };
}

// *** rollout ***

/** One sampled completion of a question. */
export interface Completion {
  /** Token ids, the end-of-sequence token included where it was drawn. */
  readonly tokens: Int32Array;
  /**
   * Probability of each token under the distribution it was drawn from (after temperature, renormalised over the
   * kept set under top-k and top-p). Probabilities rather than logarithms: a ratio of equal bits is exactly 1.
   */
  readonly probabilities: Float32Array;
  /** The cap came before an end-of-sequence token. */
  readonly truncated: boolean;
  /** Text of the tokens, special tokens left out. */
  readonly text: string;
}

/** G completions of one question, graded. */
export interface RolloutGroup {
  readonly item: TaskItem;
  readonly promptTokens: Int32Array;
  readonly completions: readonly Completion[];
  readonly grades: readonly Grade[];
}

// *** arm ***

/** Turns texts into vectors of length 1. Equal texts give equal vectors, whatever is embedded beside them. */
export interface Embedder {
  readonly identity: EmbedderIdentity;
  /** One vector [D] a text. @throws FailureError for a text whose vector is zero: it is as far from all as from itself */
  embed(texts: readonly string[]): Promise<readonly Float32Array[]>;
  dispose(): Promise<void>;
}

/** Which embedder it was. */
export interface EmbedderIdentity {
  readonly name: string;
  /** SHA-256 of the weights, or of the recipe where there are none. */
  readonly digest: string;
  readonly dimensions: number;
}

/** What a {@linkcode RewardShaper} is made with, once a cell. */
export interface ShaperSetup {
  readonly seed: number;
  /** The cell's config, the arm's own fields included. */
  readonly config: Config;
  /** An embedder from the frozen initial policy: the mean of its hidden states over a text. */
  readonly policyEmbedder: () => Promise<Embedder>;
}

/** What a {@linkcode RewardShaper} sees: the groups of one update. */
export interface ShapingContext {
  /** Updates done before. */
  readonly step: number;
  /** Share of the cell's budget that is used up, [0, 1). */
  readonly progress: number;
  readonly groups: readonly RolloutGroup[];
}

/** A reward that an arm adds to the task's, for one group. */
export interface Bonus {
  readonly name: string;
  /** What was measured, [G]; null where there was nothing to measure against. Recorded, not rewarded. */
  readonly raw: readonly (number | null)[];
  /** What is added to the total, [G]: normalised and weighted. */
  readonly values: readonly number[];
}

/** Adds an arm's bonuses to the task's rewards. It may remember; what it remembers is part of a checkpoint. */
export interface RewardShaper {
  /** The bonuses of each group, the same names in the same order for all: [groups][bonuses]. */
  shape(context: ShapingContext): Promise<readonly (readonly Bonus[])[]>;
  /** Numbers about its state for the step record, e.g. the sizes of a memory. */
  gauges?(): Readonly<Record<string, number>>;
  /** Which embedder it uses. */
  readonly embedder?: EmbedderIdentity;
  /** Its state as named byte sections; equal states give equal bytes. */
  save?(): Readonly<Record<string, Uint8Array>>;
  /** Takes up a saved state. @throws FailureError where it does not fit */
  load?(sections: Readonly<Record<string, Uint8Array>>): Promise<void>;
  dispose?(): Promise<void>;
}

/** Config fields with dotted names: { "rl.advantage": "mean" }. */
export type ConfigFields = Readonly<Record<string, unknown>>;

/** A training method variant. The loop is the same for all; an arm only plugs into it. */
export interface Arm {
  readonly name: string;
  readonly summary: string;
  /** False for the arm that only evaluates. */
  readonly trains: boolean;
  /** Config fields that define the arm, over the experiment's; a function where they follow from these. */
  readonly overrides: ConfigFields | ((config: Config) => ConfigFields);
  /** Called once a cell; without one, the total is the weighted sum of the task's rewards. */
  readonly shaper?: (setup: ShaperSetup) => RewardShaper | Promise<RewardShaper>;
}

// *** records ***

/** Mean and standard deviation (population) over the completions of a step. */
export interface Moments {
  readonly mean: number;
  readonly std: number;
}

/** Tokens by where they stand. */
export interface TokenCount {
  readonly prompt: number;
  readonly completion: number;
}

/** One line of steps.jsonl: everything a step reports. All but `timing` is deterministic on CPU. */
export interface StepRecord {
  /** Updates done when this step ended: 1 for the first. */
  readonly step: number;
  /** Each of the task's rewards and each bonus by name, `<bonus>.raw` before normalisation, and `total`. */
  readonly rewards: Readonly<Record<string, Moments>>;
  /** Share of groups whose total reward has no variance. */
  readonly zeroVarianceTotal: number;
  /** Share of groups whose correctness has no variance. */
  readonly zeroVarianceCorrectness: number;
  readonly loss: number;
  /** Mean entropy of the sampling distribution at completion tokens, nats. */
  readonly entropy: number;
  /** Mean k3 estimate of KL(policy || reference) a token, nats; null without a reference. */
  readonly kl: number | null;
  /** Share of completion tokens whose ratio was clipped. */
  readonly clipShare: number;
  /** Global gradient norm before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Mean completion length, tokens. */
  readonly completionLength: number;
  /** Share of completions cut off at the cap. */
  readonly truncatedShare: number;
  /** Largest |log p(sampler) - log p(trainer)| over this step's tokens. */
  readonly samplerTrainerGap: number;
  /** Mean over groups: distinct pairs of neighbouring tokens among all of them, [0, 1]; null in files of version 1. */
  readonly distinct: number | null;
  /** Mean over groups of the mean Jaccard similarity of two completions' pairs, [0, 1]; null as {@linkcode distinct} is. */
  readonly similarity: number | null;
  /** Numbers that the arm reports of itself: sizes and hit shares of a memory. */
  readonly gauges: Readonly<Record<string, number>>;
  /** Prompt and completion tokens of this step, discarded groups included. */
  readonly tokens: TokenCount;
  /** Those of groups that were drawn and not trained on. */
  readonly discarded: TokenCount;
  /** Seconds and rates; not part of what a rerun must reproduce. */
  readonly timing: {
    readonly rolloutSeconds: number;
    readonly updateSeconds: number;
    readonly rolloutTokensPerSecond: number;
    readonly updateTokensPerSecond: number;
  };
}

/** One evaluation of the policy on held-out questions. */
export interface EvaluationRecord {
  /** Updates done before it. */
  readonly step: number;
  readonly split: Split;
  /** `greedy`: one completion a question. `sample`: `samples` completions a question at temperature 1. */
  readonly mode: "greedy" | "sample";
  readonly n: number;
  readonly samples: number;
  /** Mean over questions of the share of correct completions. */
  readonly accuracy: number;
  /** Share of questions with at least one correct completion among `samples`; equals accuracy when samples is 1. */
  readonly passAtSamples: number;
  readonly statuses: StatusCounts;
  /** Mean of each reward component by name. */
  readonly rewards: Readonly<Record<string, number>>;
  /** Mean completion length, tokens. */
  readonly completionLength: number;
}

/**
 * One line of samples.jsonl: a completion of the final evaluation. First the greedy one of each question, in the order
 * of the questions; then, if evaluation.samples = k > 0, each question's k that were drawn at temperature 1.
 */
export interface SampleRecord {
  readonly id: string;
  readonly split: Split;
  /** 0: the greedy one; 1 to k: the drawn ones. */
  readonly sample: number;
  readonly question: string;
  readonly gold: string;
  readonly completion: string;
  readonly extracted: string | null;
  readonly status: GradeStatus;
  readonly rewards: Readonly<Record<string, number>>;
  readonly tokens: number;
}

/**
 * What two cells must share to be compared; see {@linkcode CellRecord}. Digests are SHA-256 (hex), or "unknown" in what
 * was read from a file of schema version 1, which does not say them.
 */
export interface MatchProof {
  /** Initial weights (float32, in layout order); with an adapter, a digest over theirs and what the adapter is. */
  readonly weights: string;
  /** The task's data. */
  readonly data: string;
  /** Chat template and tokenizer, and the task's prompt around a question. */
  readonly template: string;
  /** Ids of the questions at the first places of the order in which questions are asked. */
  readonly order: string;
  /** Ids of the evaluated questions. */
  readonly items: string;
  /** The scheme of the random streams. */
  readonly streams: string;
  /** The experiment's config before the arm's own fields. */
  readonly config: string;
  /**
   * The first update's rollouts, drawn by the initial policy: a short digest of each completion's tokens,
   * [questions][samples]. Cells with the same seed agree wherever both have one.
   */
  readonly firstRollouts: readonly (readonly string[])[];
}

/** A training collapse, by the rules of harness/rl/collapse.ts. */
export interface Collapse {
  readonly kind: "reward-mode" | "length-short" | "length-cap" | "diversity" | "entropy";
  /** Updates done when its rule first held. */
  readonly step: number;
}

/** What a rerun on the same kind of machine must reproduce to the byte. */
export interface Outcome {
  readonly match: MatchProof;
  /** SHA-256 of the weights after the last update. */
  readonly finalWeights: string;
  /** Updates after which the weights of the final evaluation were taken: the last, or the best on validation. */
  readonly evaluatedStep: number;
  /** Training questions asked, and a chained SHA-256 over their ids in order. */
  readonly asked: { readonly count: number; readonly digest: string };
  readonly updates: number;
  /** What ended the training. */
  readonly endedBy: "updates" | "tokens";
  readonly tokens: TokenCount;
  readonly evaluations: readonly EvaluationRecord[];
  readonly collapses: readonly Collapse[];
  readonly embedder: EmbedderIdentity | null;
  /** Chained SHA-256 over the step records without their timing. */
  readonly steps: string;
  /** SHA-256 over the final evaluation's samples, one canonical JSON a line. */
  readonly samples: string;
  /** Largest sampler-trainer gap of all steps; see {@linkcode StepRecord.samplerTrainerGap}. */
  readonly samplerTrainerGap: number;
}

/** A device beside the processor, as far as it could be found out. */
export interface Accelerator {
  /** ONNX Runtime's execution provider. */
  readonly provider: string;
  /** Its name, e.g. "NVIDIA H100"; null where the system does not tell. */
  readonly adapter: string | null;
  /** Version of its driver; null as above. */
  readonly driver: string | null;
  /** Which of several; null where the provider takes no index, or none was named. */
  readonly index: number | null;
}

/** Where a cell ran. */
export interface Environment {
  readonly matchbox: string;
  readonly deno: string;
  readonly onnxruntime: string;
  readonly os: string;
  readonly arch: string;
  readonly cpu: string;
  /** Vector extensions of the processor by which kernels are chosen, e.g. "avx2"; null where the system does not tell. */
  readonly vectors: readonly string[] | null;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly device: string;
  /** On a device other than the CPU alone; so is the precision of what was computed there. */
  readonly accelerator?: Accelerator;
  readonly precision?: Precision;
  readonly threads: number;
  readonly gitCommit: string | null;
  readonly gitDirty: boolean | null;
}

// *** events: what a cell tells its parent while it runs ***

/** Messages of a running cell, one JSON object a line on its standard output. */
export type CellEvent =
  | { readonly type: "phase"; readonly phase: string }
  | { readonly type: "resumed"; readonly step: number; readonly evaluations: readonly EvaluationRecord[] }
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "step"; readonly record: StepRecord; readonly updates: number }
  | { readonly type: "evaluation"; readonly record: EvaluationRecord }
  | { readonly type: "sample"; readonly record: SampleRecord }
  | {
    readonly type: "finished";
    readonly outcome: Outcome;
    readonly environment: Environment;
    readonly peakMemoryBytes: number;
  }
  | { readonly type: "stopped"; readonly step: number }
  | { readonly type: "failed"; readonly message: string; readonly misuse: boolean; readonly stack: string | null };

// Per-sample results that another tool wrote, as far as two of them can be compared: for each task, a score for every
// item in every run, and what tells whether an item is the same question on both sides. Training seeds are not in such
// files: a run is one evaluation, or one epoch of it.

/** A score for every item and run of one task. */
export interface ForeignTask {
  /** The task's name; null where the file does not tell. */
  readonly task: string | null;
  readonly metric: string;
  /** What each run is: a file, an epoch. */
  readonly runs: readonly string[];
  readonly items: readonly ForeignItem[];
}

/** One item of a task. */
export interface ForeignItem {
  readonly id: string;
  /** Digest of question and target, as far as the file has them; null: it does not say. */
  readonly question: string | null;
  /** Digest of the prompt; null: it does not say. */
  readonly prompt: string | null;
  /** A score a run, in [0, 1]; NaN: there is none. */
  readonly scores: Float64Array;
}

/** What was read at a path. */
export interface ForeignSamples {
  /** The path as it was given. */
  readonly origin: string;
  /** "lm-evaluation-harness", "inspect_ai" */
  readonly tool: string;
  /** What made them, in a few words: model, version. */
  readonly made: string;
  readonly tasks: readonly ForeignTask[];
  /** What must be known to read them, a sentence each. */
  readonly notes: readonly string[];
}

/** A sample of one run, as both readers hand it over. */
export interface ForeignSample {
  readonly id: string;
  readonly question: string | null;
  readonly prompt: string | null;
  readonly score: number;
}

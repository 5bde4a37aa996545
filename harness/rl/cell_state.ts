// What the rest of a cell's training is a function of, between two updates, and its form in a checkpoint: numbers as
// JSON, arrays as bytes. Equal states make equal bytes. Sessions, clocks and whatever can be derived stay out.

import { canonicalJson } from "../base/canonical_json.ts";
import { bytesOf, sha256 } from "../base/digest.ts";
import { FailureError } from "../base/errors.ts";
import { isObject } from "../base/json_file.ts";
import type { Sections } from "../base/section_file.ts";
import type { EvaluationRecord, RewardShaper, StepRecord, TaskItem, TokenCount } from "../contract.ts";
import type { Weights } from "../model/layout.ts";
import { stepChain } from "../records/store.ts";
import { type CollapseSample, collapseSample } from "./collapse.ts";
import type { LossScale } from "./loss_scale.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Replay } from "./replay.ts";
import type { DrawnGroup } from "./rollout.ts";

/** The numbers. */
export interface CellProgress {
  /** Updates done. */
  step: number;
  /** New questions asked, and a chained digest of their ids. */
  asked: number;
  askedChain: string;
  /** Chained digest of the step records. */
  stepChain: string;
  tokens: TokenCount;
  samplerTrainerGap: number;
  evaluations: EvaluationRecord[];
  /** Validation accuracy at its best so far. */
  best: { readonly step: number; readonly accuracy: number } | null;
  /** What the collapse detectors read of each step. */
  collapse: CollapseSample[];
  /** See MatchProof.firstRollouts. */
  firstRollouts: readonly (readonly string[])[];
}

/** The arrays and their owners, which a checkpoint fills and is filled from. */
export interface CellParts {
  readonly weights: Weights;
  readonly optimizer: Optimizer;
  readonly shaper: RewardShaper | null;
  readonly replay: Replay;
  /** Weights that were best on validation; null where the last ones are evaluated. */
  readonly best: Float32Array | null;
  /** Null where the cell computes in float32. */
  readonly lossScale: LossScale | null;
}

/** The progress of a cell that has not begun. */
export function freshProgress(): CellProgress {
  return {
    step: 0,
    asked: 0,
    askedChain: sha256(""),
    stepChain: sha256(""),
    tokens: { prompt: 0, completion: 0 },
    samplerTrainerGap: 0,
    evaluations: [],
    best: null,
    collapse: [],
    firstRollouts: [],
  };
}

/** Takes a finished update into the progress. */
export function advance(
  progress: CellProgress,
  record: StepRecord,
  asked: readonly TaskItem[],
  first: readonly DrawnGroup[],
  rewards: readonly string[],
): void {
  if (progress.step === 0) {
    progress.firstRollouts = first.map(({ draws }) => draws.map(({ tokens }) => sha256(bytesOf(tokens)).slice(0, 8)));
  }
  progress.step = record.step;
  progress.asked += asked.length;
  for (const { id } of asked) progress.askedChain = sha256(progress.askedChain, id);
  progress.stepChain = stepChain(progress.stepChain, record);
  progress.tokens = {
    prompt: progress.tokens.prompt + record.tokens.prompt,
    completion: progress.tokens.completion + record.tokens.completion,
  };
  progress.samplerTrainerGap = Math.max(progress.samplerTrainerGap, record.samplerTrainerGap);
  progress.collapse.push(collapseSample(record, rewards[0]!, rewards.slice(1)));
}

/** Sections of a checkpoint. The parts must be settled, see {@linkcode Optimizer}. */
export function saveState(
  progress: CellProgress,
  { weights, optimizer, shaper, replay, best, lossScale }: CellParts,
): Sections {
  const text = (value: string) => new TextEncoder().encode(value);
  const shaped = Object.entries(shaper?.save?.() ?? {}).map(([name, bytes]) => [`arm.${name}`, bytes] as const);
  return {
    progress: text(canonicalJson({ ...progress, optimizerSteps: optimizer.steps })),
    weights: bytesOf(weights.data),
    first: bytesOf(optimizer.first),
    second: bytesOf(optimizer.second),
    ...(best ? { best: bytesOf(best) } : {}),
    ...(lossScale ? { lossScale: text(lossScale.save()) } : {}),
    ...(replay.size > 0 ? { replay: text(replay.save()) } : {}),
    ...Object.fromEntries(shaped),
  };
}

/** Takes up a checkpoint. @throws FailureError where it is of another policy, arm or version */
export async function loadState(
  sections: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
  { weights, optimizer, shaper, replay, best, lossScale }: CellParts,
): Promise<CellProgress> {
  const text = (name: string) => new TextDecoder().decode(sections[name]);
  const fill = (name: string, array: Float32Array) => {
    const bytes = sections[name];
    if (bytes?.length !== array.byteLength) {
      throw new FailureError(
        `Cannot take up the checkpoint: section "${name}" has ${bytes?.length ?? 0} bytes, must have ` +
          `${array.byteLength} … it is of another policy or another version; choose another folder with --out`,
      );
    }
    array.set(new Float32Array(bytes.buffer));
  };
  const { optimizerSteps, ...progress } = parseProgress(sections.progress ? text("progress") : "null");
  fill("weights", weights.data);
  fill("first", optimizer.first);
  fill("second", optimizer.second);
  optimizer.steps = optimizerSteps;
  if (best) fill("best", best);
  if (sections.lossScale) lossScale?.load(text("lossScale"));
  if (sections.replay) replay.load(text("replay"));
  const shaped = Object.entries(sections).filter(([name]) => name.startsWith("arm."));
  await shaper?.load?.(Object.fromEntries(shaped.map(([name, bytes]) => [name.slice("arm.".length), bytes])));
  return progress;
}

/** The file's digests cover what the text says; what remains to be seen is whether this version wrote it. */
function parseProgress(text: string): SavedProgress {
  const value: unknown = JSON.parse(text);
  if (isSavedProgress(value)) return value;
  throw new FailureError(
    "Cannot take up the checkpoint: its progress was written by another version … choose another folder with --out",
  );
}

type SavedProgress = CellProgress & { readonly optimizerSteps: number };

function isSavedProgress(value: unknown): value is SavedProgress {
  const expected = Object.keys({ ...freshProgress(), optimizerSteps: 0 });
  return isObject(value) && Object.keys(value).sort().join() === expected.sort().join();
}

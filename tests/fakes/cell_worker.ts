// A cell's process without a model: plausible events at once, the same for the same spec. Its state is a digest that each
// step chains on, and goes through checkpoints as a model's would. Some seeds stand for accidents.

import { existsSync, readdirSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../harness/base/atomic_file.ts";
import { canonicalJson } from "../../harness/base/canonical_json.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { CellEvent, EvaluationRecord, Outcome, SampleRecord, Split, StepRecord } from "../../harness/contract.ts";
import type { CellSpec } from "../../harness/experiment/protocol.ts";
import { cellSpecSchema } from "../../harness/experiment/protocol.ts";
import { serveWorker } from "../../harness/experiment/serve_worker.ts";
import { stepChain } from "../../harness/records/store.ts";

/** What a seed of this worker stands for; every other seed finishes at once. */
export const accidents = {
  fails: 901,
  misused: 902,
  slow: 903,
  killed: 904,
  garbled: 905,
  crashes: 906,
  frozen: 907,
  brisk: 908,
  /** Asks other questions than its peers. */
  unmatched: 909,
};

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Everything that the rest of a cell is a function of. */
interface State {
  readonly step: number;
  readonly weights: string;
  readonly chain: string;
  readonly evaluations: readonly EvaluationRecord[];
}

/** The part of a digest that a number can hold, as one from 0 to 1. */
const numberOf = (digest: string) => parseInt(digest.slice(0, 8), 16) / 2 ** 32;

function stepRecord(step: number, weights: string, { config }: CellSpec): StepRecord {
  const completions = config.rl.questions * config.rl.completions;
  return {
    step,
    rewards: { correctness: { mean: step / 100, std: 0.5 }, total: { mean: step / 50, std: 0.7 } },
    zeroVarianceTotal: 0.25,
    zeroVarianceCorrectness: 0.5,
    loss: numberOf(weights),
    entropy: 0.5,
    kl: config.rl.klBeta > 0 ? 0.001 : null,
    clipShare: 0,
    gradientNorm: 0.3,
    learningRate: config.rl.learningRate,
    completionLength: 30,
    truncatedShare: 0,
    samplerTrainerGap: 0,
    distinct: 0.5,
    similarity: 0.5,
    gauges: {},
    tokens: { prompt: completions * 20, completion: completions * 30 },
    discarded: { prompt: 0, completion: 0 },
    timing: { rolloutSeconds: 0.01, updateSeconds: 0.01, rolloutTokensPerSecond: 9000, updateTokensPerSecond: 8000 },
  };
}

/** Accuracy of a tuning cell: one arm likes learning rates near 1e-4, the others near 1e-5. */
function tunedAccuracy({ arm, config: { rl } }: CellSpec): number {
  return 0.75 - Math.abs(Math.log10(rl.learningRate) + (arm === "grpo" ? 4 : 5)) / 4;
}

function evaluation(step: number, split: Split, mode: "greedy" | "sample", spec: CellSpec): EvaluationRecord {
  const { config } = spec;
  const n = split === "test" ? config.evaluation.testItems : config.evaluation.validationItems;
  const samples = mode === "greedy" ? 1 : config.evaluation.samples;
  const accuracy = spec.validationOnly ? tunedAccuracy(spec) : Math.min(0.9, 0.25 + step / 20);
  const correct = Math.round(n * accuracy) * samples;
  return {
    step,
    split,
    mode,
    n,
    samples,
    accuracy: correct / n / samples,
    passAtSamples: correct / n / samples,
    statuses: { correct, wrong: n * samples - correct, unparseable: 0, truncated: 0 },
    rewards: { correctness: correct / n / samples, format: 0.5 },
    completionLength: 30,
  };
}

/** A sample as the evaluation counts it: the first questions are answered right. */
function sample(i: number, number: number, { n, samples, statuses }: EvaluationRecord): SampleRecord {
  const gold = String(i + 1), right = i < statuses.correct / samples, answer = right ? gold : "0";
  return {
    id: `fake-${i}`,
    split: "test",
    sample: number,
    question: `What is ${i} + 1, of ${n}?`,
    gold,
    completion: `It is ${answer}`,
    extracted: answer,
    status: right ? "correct" : "wrong",
    rewards: { correctness: right ? 1 : 0, format: 0.5 },
    tokens: 30,
  };
}

/** The samples of the last evaluations on test questions. */
function samplesOf(evaluations: readonly EvaluationRecord[]): SampleRecord[] {
  const last = (mode: EvaluationRecord["mode"]) =>
    evaluations.findLast((one) => one.split === "test" && one.mode === mode);
  const greedy = last("greedy"), drawn = last("sample");
  const questions = [...Array(greedy?.n ?? 0).keys()], numbers = [...Array(drawn?.samples ?? 0).keys()];
  return [
    ...questions.flatMap((i) => greedy ? [sample(i, 0, greedy)] : []),
    ...questions.flatMap((i) => numbers.flatMap((number) => drawn ? [sample(i, number + 1, drawn)] : [])),
  ];
}

async function fakeCell(spec: CellSpec, emit: (event: CellEvent) => void, stop: AbortSignal): Promise<void> {
  const { config, arm, seed, checkpoints } = spec;
  const updates = arm === "base" ? 0 : config.rl.updates;
  console.log("a native library says hello on standard output");
  emit({ type: "phase", phase: "loading the policy" });
  if (seed === accidents.misused) throw new MisuseError("Cannot ask the question: the prompt is too long");

  let state: State = { step: 0, weights: sha256(`${arm} ${seed}`), chain: sha256(""), evaluations: [] };
  const evaluate = (step: number, split: Split, mode: "greedy" | "sample" = "greedy") => {
    const record = evaluation(step, split, mode, spec);
    state = { ...state, evaluations: [...state.evaluations, record] };
    emit({ type: "evaluation", record });
  };
  const evaluateTest = (step: number) => {
    if (spec.validationOnly) return;
    evaluate(step, "test");
    if (config.evaluation.samples > 0) evaluate(step, "test", "sample");
  };
  const before = newestState(spec, (message) => emit({ type: "warning", message }));
  if (before) {
    state = before;
    emit({ type: "resumed", step: state.step, evaluations: state.evaluations });
  } else evaluateTest(0);

  while (state.step < updates) {
    const step = state.step + 1;
    if (seed === accidents.slow) await pause(100);
    if (seed === accidents.brisk) await pause(5);
    if (seed === accidents.frozen && step === 3) { for (;;); // deaf to the event loop, as a native call is
     }
    const weights = sha256(state.weights, `${step}`), record = stepRecord(step, weights, spec);
    state = { ...state, step, weights, chain: stepChain(state.chain, record) };
    emit({ type: "step", record, updates });
    if (step === 3 && seed === accidents.fails) throw new FailureError("Cannot update at step 3: the loss is NaN");
    if (step === 3 && seed === accidents.killed) Deno.kill(Deno.pid, "SIGKILL");
    if (step === 3 && seed === accidents.crashes) {
      console.error("free(): invalid pointer");
      Deno.exit(134);
    }
    if (step === 3 && seed === accidents.garbled) console.error("about to garble"), garble();
    if (config.evaluation.every > 0 && step % config.evaluation.every === 0) evaluate(step, "validation");
    if (checkpoints && (step % checkpoints.every === 0 || step === updates || stop.aborted)) {
      await writeState(checkpoints, state);
    }
    if (stop.aborted) {
      emit({ type: "stopped", step });
      return;
    }
  }
  if (updates > 0) evaluateTest(updates);
  const samples = samplesOf(state.evaluations);
  for (const record of samples) emit({ type: "sample", record });
  emit({
    type: "finished",
    outcome: outcome(spec, state, updates, samples),
    environment: {
      matchbox: "0.0.0",
      deno: Deno.version.deno,
      onnxruntime: "none",
      os: Deno.build.os,
      arch: Deno.build.arch,
      cpu: "fake",
      vectors: null,
      cores: 2,
      memoryBytes: 2 ** 30,
      device: spec.device,
      ...(spec.accelerator ? { accelerator: spec.accelerator, precision: spec.precision ?? "float32" } : {}),
      threads: spec.threads,
      gitCommit: null,
      gitDirty: null,
    },
    peakMemoryBytes: 2 ** 27,
  });
}

function outcome(
  { seed, matched }: CellSpec,
  state: State,
  updates: number,
  samples: readonly SampleRecord[],
): Outcome {
  const order = seed === accidents.unmatched ? state.weights : sha256(`order ${seed}`);
  return {
    match: {
      weights: sha256("initial"),
      data: sha256("data"),
      template: sha256("template"),
      order,
      items: sha256("items"),
      streams: "fake",
      config: matched.config,
      firstRollouts: [[`${seed} a`, `${seed} b`]],
    },
    finalWeights: state.weights,
    evaluatedStep: updates,
    asked: { count: updates, digest: sha256(order) },
    updates,
    endedBy: "updates",
    tokens: { prompt: 1000 * updates, completion: 1500 * updates },
    evaluations: state.evaluations,
    collapses: [],
    embedder: null,
    steps: state.chain,
    samples: sha256(samples.map((one) => canonicalJson(one) + "\n").join("")),
    samplerTrainerGap: 0,
  };
}

const fileOf = (folder: string, step: number) => join(folder, `step-${String(step).padStart(6, "0")}.checkpoint`);

async function writeState({ folder, keep }: NonNullable<CellSpec["checkpoints"]>, state: State): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(fileOf(folder, state.step), JSON.stringify(state));
  for (const step of stepsIn(folder).slice(keep)) rmSync(fileOf(folder, step));
}

/** The newest state up to `resumeAt` that can be read. */
function newestState({ checkpoints, resumeAt }: CellSpec, warn: (message: string) => void): State | null {
  if (!checkpoints || !existsSync(checkpoints.folder)) return null;
  for (const step of stepsIn(checkpoints.folder)) {
    const path = fileOf(checkpoints.folder, step);
    if (step > resumeAt) continue;
    try {
      return JSON.parse(Deno.readTextFileSync(path));
    } catch {
      warn(`Cannot read "${path}": it is damaged; going on from the one before`);
    }
  }
  return null;
}

/** Steps of the checkpoints in a folder, the newest first. */
function stepsIn(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => /^step-(\d+)\.checkpoint$/.exec(name)?.[1] ?? [])
    .map(Number).sort((a, b) => b - a);
}

/** An event of no known shape. */
function garble(): void {
  Deno.stdout.writeSync(new TextEncoder().encode('{"type":"step","record":{}}\n'));
}

if (import.meta.main) {
  await serveWorker(cellSpecSchema, fakeCell);
}

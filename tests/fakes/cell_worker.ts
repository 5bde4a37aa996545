// A cell's process without a model: plausible events at once, the same for the same spec. Some seeds stand for accidents.

import { sha256 } from "../../harness/base/digest.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { CellEvent, EvaluationRecord, Outcome, Split, StepRecord } from "../../harness/contract.ts";
import type { CellSpec } from "../../harness/experiment/protocol.ts";
import { serveCell } from "../../harness/experiment/serve_cell.ts";

/** What a seed of this worker stands for; every other seed finishes. */
export const accidents = { fails: 901, misused: 902, slow: 903, killed: 904, garbled: 905, crashes: 906, frozen: 907 };

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function stepRecord(step: number, { config }: CellSpec): StepRecord {
  const tokens = config.rl.questions * config.rl.completions;
  return {
    step,
    rewards: { correctness: { mean: step / 100, std: 0.5 }, total: { mean: step / 50, std: 0.7 } },
    zeroVarianceTotal: 0.25,
    zeroVarianceCorrectness: 0.5,
    loss: 0.01,
    entropy: 0.5,
    kl: config.rl.klBeta > 0 ? 0.001 : null,
    clipShare: 0,
    gradientNorm: 0.3,
    learningRate: config.rl.learningRate,
    completionLength: 30,
    truncatedShare: 0,
    samplerTrainerGap: 0,
    tokens: { prompt: tokens * 20, completion: tokens * 30 },
    timing: { rolloutSeconds: 0.01, updateSeconds: 0.01, rolloutTokensPerSecond: 9000, updateTokensPerSecond: 8000 },
  };
}

function evaluation(step: number, split: Split, mode: "greedy" | "sample", { config }: CellSpec): EvaluationRecord {
  const n = split === "test" ? config.evaluation.testItems : config.evaluation.validationItems;
  const samples = mode === "greedy" ? 1 : config.evaluation.samples;
  const correct = Math.round(n * Math.min(0.9, 0.25 + step / 20)) * samples;
  return {
    step,
    split,
    mode,
    n,
    samples,
    accuracy: correct / n / samples,
    passAtSamples: mode === "greedy" ? correct / n : 0.95,
    statuses: { correct, wrong: n * samples - correct, unparseable: 0, truncated: 0 },
    rewards: { correctness: correct / n / samples, format: 0.5 },
    completionLength: 30,
  };
}

async function fakeCell(spec: CellSpec, emit: (event: CellEvent) => void): Promise<void> {
  const { config, arm, seed } = spec;
  const updates = arm === "base" ? 0 : config.rl.updates;
  const evaluations: EvaluationRecord[] = [];
  const evaluate = (step: number, split: Split, mode: "greedy" | "sample" = "greedy") => {
    const record = evaluation(step, split, mode, spec);
    evaluations.push(record);
    emit({ type: "evaluation", record });
  };
  const evaluateTest = (step: number) => {
    evaluate(step, "test");
    if (config.evaluation.samples > 0) evaluate(step, "test", "sample");
  };
  console.log("a native library says hello on standard output");
  emit({ type: "phase", phase: "loading the policy" });
  if (seed === accidents.misused) throw new MisuseError("Cannot ask the question: the prompt is too long");
  evaluateTest(0);
  for (let step = 1; step <= updates; step++) {
    if (seed === accidents.slow) await pause(100);
    if (seed === accidents.frozen && step === 3) { for (;;); // deaf to the event loop, as a native call is
     }
    emit({ type: "step", record: stepRecord(step, spec), updates });
    if (step === 3 && seed === accidents.fails) throw new FailureError("Cannot update at step 3: the loss is NaN");
    if (step === 3 && seed === accidents.killed) Deno.kill(Deno.pid, "SIGKILL");
    if (step === 3 && seed === accidents.crashes) {
      console.error("free(): invalid pointer");
      Deno.exit(134);
    }
    if (step === 3 && seed === accidents.garbled) console.error("about to garble"), garble();
    if (config.evaluation.every > 0 && step % config.evaluation.every === 0) evaluate(step, "validation");
  }
  if (updates > 0) evaluateTest(updates);
  for (let i = 0; i < 3; i++) {
    const rewards = { correctness: 1, format: 0.5 };
    const text = {
      question: `What is ${i} + 1?`,
      gold: String(i + 1),
      extracted: String(i + 1),
      completion: `It is ${i + 1}`,
    };
    const record = {
      id: `fake-${i}`,
      split: "test",
      sample: 0,
      status: "correct",
      rewards,
      tokens: 4,
      ...text,
    } as const;
    emit({ type: "sample", record });
  }
  const outcome: Outcome = {
    initialWeights: sha256("initial"),
    finalWeights: sha256(`${arm} ${seed} ${updates}`),
    taskData: sha256("data"),
    questionOrder: sha256(`order ${seed}`),
    updates,
    tokens: { prompt: 1000 * updates, completion: 1500 * updates },
    evaluations,
    samples: sha256("samples"),
    samplerTrainerGap: 0,
  };
  const environment = {
    matchbox: "0.0.0",
    deno: Deno.version.deno,
    onnxruntime: "none",
    os: Deno.build.os,
    arch: Deno.build.arch,
    cpu: "fake",
    cores: 2,
    memoryBytes: 2 ** 30,
    device: spec.device,
    threads: spec.threads,
    gitCommit: null,
    gitDirty: null,
  };
  emit({ type: "finished", outcome, environment, peakMemoryBytes: 2 ** 27 });
}

/** An event of no known shape. */
function garble(): void {
  Deno.stdout.writeSync(new TextEncoder().encode('{"type":"step","record":{}}\n'));
}

if (import.meta.main) {
  await serveCell(fakeCell);
}

// The program of the process that samples for an evaluation: names become things, and what is missing is drawn.

import { FailureError } from "../base/errors.ts";
import { readPolicy } from "../model/policy.ts";
import { residentWeights } from "../model/transformer.ts";
import { drawShots, withShots } from "../rl/few_shot.ts";
import { drawSamples, longestPrompt } from "../rl/sample_set.ts";
import { runLength } from "../rl/run_shapes.ts";
import { Sampler } from "../rl/sampler.ts";
import { selfTestTask } from "../rl/self_test.ts";
import { chooseRuntime, isLarge } from "../runtime/choose.ts";
import { environment, peakMemoryBytes } from "../runtime/environment.ts";
import { workedAnswer } from "../../tasks/style_task.ts";
import { type EvaluationEvent, type EvaluationSpec, evaluationSpecSchema } from "./evaluation_protocol.ts";
import { loadTask } from "./load_files.ts";
import { serveWorker } from "./serve_worker.ts";

/** Thrown before a batch when the evaluation is to stop. */
class Stopped extends Error {}

/** Completions side by side: a large model's own shard, or one for each of a small model's threads. */
const BATCH = { small: 64, large: 16 };
/** Items of each split that the reward self-test looks at. */
const SELF_TESTED = 16;

async function sampleAll(spec: EvaluationSpec, emit: (event: EvaluationEvent) => void, stop: AbortSignal) {
  const { split, seed, sampling, maxTokens, jobs, device, accelerator, precision = "float32", threads } = spec;
  emit({ type: "phase", phase: "loading" });
  const plain = await loadTask(spec.task, spec.taskFile, spec.taskStyle), data = await plain.load(spec.taskOptions);
  const [problem] = selfTestTask(plain, data, SELF_TESTED);
  if (problem !== undefined) {
    throw new FailureError(
      `Cannot evaluate on task "${plain.name}": its rewards fail their self-test (${problem}) … mend the task, see ` +
        "`deno task doctor`",
    );
  }
  const shots = drawShots(data.splits.train, spec.shots, seed), items = data.splits[split];
  const task = withShots(plain, shots, (item) => workedAnswer(plain, spec.taskStyle ?? {}, item));
  const { config, tokenizer, weights } = await readPolicy(spec.policy, spec.merged);
  const maxPromptTokens = longestPrompt(task, { tokenizer }, items, jobs, { maxTokens, context: config.maxPositions });
  const runtime = chooseRuntime(device, threads, weights.layout.size, {
    ...{ index: accelerator?.index ?? null, precision },
  });
  const sampler = new Sampler(runtime, config, tokenizer.eosTokenIds, runLength(maxPromptTokens, maxTokens));
  const batch = spec.batch ?? (isLarge(weights.layout.size) ? BATCH.large : BATCH.small);
  const pause = async () => {
    await new Promise((resolve) => setTimeout(resolve)); // native calls keep the parent's word from being heard
    if (stop.aborted) throw new Stopped();
  };
  emit({ type: "environment", environment: await environment(device, threads, accelerator, precision) });
  emit({ type: "phase", phase: "sampling" });
  try {
    await drawSamples(
      { task, tokenizer, sampler, maxPromptTokens, maxTokens },
      residentWeights(weights),
      jobs,
      { split, items, seed, sampling, batch, pause },
      (batch) => {
        for (const sample of batch) emit({ type: "sample", sample });
        emit({ type: "batch" });
      },
    );
    emit({ type: "finished", peakMemoryBytes: await peakMemoryBytes() });
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    emit({ type: "stopped" });
  } finally {
    await sampler.dispose();
    await runtime.dispose();
  }
}

await serveWorker(evaluationSpecSchema, sampleAll, "the evaluation");

// The program of a warm-up's process: it trains the policy and writes it as a folder that the cells read theirs from.

import { join } from "node:path";
import { readPolicy, weightsDigest, writePolicy } from "../model/policy.ts";
import { warmUp } from "../rl/warm_up.ts";
import { loadTask } from "./load_files.ts";
import { type WarmUpEvent, warmUpSpecSchema } from "./protocol.ts";
import { serveWorker } from "./serve_worker.ts";

await serveWorker(warmUpSpecSchema, async (spec, emit: (event: WarmUpEvent) => void, stop) => {
  emit({ type: "phase", phase: "loading" });
  const task = await loadTask(spec.task, spec.taskFile, spec.taskStyle);
  const policy = await readPolicy(spec.policy, spec.merged);
  const result = await warmUp(
    { ...spec, task, policy },
    (step) => emit({ type: "step", ...step }),
    (message) => emit({ type: "warning", message }),
    stop,
  );
  if (!result) return;
  emit({ type: "phase", phase: "writing the policy" });
  const { config, weights } = policy;
  await writePolicy(join(spec.folder, "policy"), { config, weights, companions: spec.policy }, { dtype: "F32" });
  emit({ type: "warmed", weights: weightsDigest(weights), ...result, losses: [...result.losses] });
});

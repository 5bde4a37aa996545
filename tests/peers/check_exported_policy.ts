// Weights that Matchbox trained, in Python: the embedded policy is trained for a few updates, exported as a policy, and
// loaded by transformers. Its token ids, logits and likeliest tokens must be ours, and the weights those of the record;
// huggingface_hub must read the results from the model card. It measures no speed.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { applySettings, defaultConfig } from "../../harness/config_options.ts";
import { exportPolicy } from "../../harness/experiment/export_policy.ts";
import { planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment } from "../../harness/experiment/run_experiment.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { readCellRecord } from "../../harness/records/store.ts";
import { findTask } from "../../tasks/registry.ts";
import { relativeError } from "../oracles/float64.ts";
import { lastLogits } from "../oracles/last_logits.ts";
import { type PythonCheck, pythonCheck } from "./python_check.ts";

/** What check_policy.py says of a chat. */
interface Reference {
  readonly tokens: readonly number[];
  /** The first ones, at the prompt's last position. */
  readonly logits: readonly number[];
  readonly argmax: number;
}

const CARD = `
import json, sys
from huggingface_hub import ModelCard
card = ModelCard.load(sys.argv[1])
print(json.dumps([[r.dataset_type, r.dataset_split, r.metric_type, r.metric_value] for r in card.data.eval_results]))
`;

const QUESTIONS = 16;
const TOLERANCE = 1e-4;

/** Says what agrees. */
async function check({ python, folder, say }: PythonCheck): Promise<void> {
  const config = applySettings(defaultConfig, ["rl.updates=10", "rl.learningRate=1e-4", "evaluation.testItems=32"]);
  const plan = await planExperiment({
    task: "arithmetic",
    arms: ["grpo"],
    seeds: [0],
    config,
    out: join(folder, "results"),
  });
  await runExperiment(plan);
  const outcome = (await readCellRecord(join(plan.out, "grpo/seed-0/record.json"))).outcome!;
  const task = findTask("arithmetic"), { test } = (await task.load({ dataDir: null, level: 2 })).splits;
  const chats = Array.from({ length: QUESTIONS }, (_, i) => task.prompt(test.item(i))),
    file = join(folder, "chats.json");
  writeFileSync(file, JSON.stringify(chats));
  const run = (...args: string[]): unknown => JSON.parse(execFileSync(python, args, { encoding: "utf8" }));

  for (const dtype of ["F32", "BF16"] as const) {
    const out = join(folder, dtype);
    await exportPolicy(plan.out, { cell: "grpo/0", out, dtype });
    const policy = await readPolicy(out), script = join(import.meta.dirname!, "check_policy.py");
    if (dtype === "F32") say(policy.digest === outcome.finalWeights, "F32: the weights are the cell's final ones");
    const { chats: references } = run(script, "check", out, "--chats", file, "--new-tokens", "1") as {
      chats: Reference[];
    };
    let worst = 0, tokens = 0, choices = 0;
    for (const [i, reference] of references.entries()) {
      const ids = policy.tokenizer.chat(chats[i]!).tokens, logits = await lastLogits(policy, ids);
      if (ids.join() === reference.tokens.join()) tokens++;
      if (logits.indexOf(Math.max(...logits)) === reference.argmax) choices++;
      worst = Math.max(worst, relativeError(logits.subarray(0, reference.logits.length), reference.logits));
    }
    say(tokens === QUESTIONS, `${dtype}: token ids of ${tokens} of ${QUESTIONS} prompts are transformers'`);
    say(worst <= TOLERANCE, `${dtype}: logits differ from transformers' by at most ${worst.toExponential(1)}`);
    say(choices === QUESTIONS, `${dtype}: the likeliest token of ${choices} of ${QUESTIONS} prompts is transformers'`);
    const accuracy = outcome.evaluations.find(({ split, step }) => split === "test" && step === 10)!.accuracy;
    const found = JSON.stringify(run("-c", CARD, join(out, "README.md")));
    const expected = JSON.stringify([["arithmetic", "test", "accuracy", Number((100 * accuracy).toPrecision(12))]]);
    say(found === expected, `${dtype}: huggingface_hub reads ${found} from the model card`);
  }
}

await pythonCheck(
  "check_exported_policy",
  "Trains the embedded policy a little, exports it, and compares it with what transformers loads.",
  check,
);

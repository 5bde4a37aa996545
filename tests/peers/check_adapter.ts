// An adapter that Matchbox trained, in Python: the embedded policy gets one for a few updates, it is exported alone and
// merged, and peft loads it over the policy. Its logits must be ours and those of the merged policy, for transformers as
// well; and what peft merges must be what we merge. It measures no speed.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { applySettings, defaultConfig } from "../../harness/config_options.ts";
import { exportPolicy } from "../../harness/experiment/export_policy.ts";
import { planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment } from "../../harness/experiment/run_experiment.ts";
import { parameterView } from "../../harness/model/layout.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { findTask } from "../../tasks/registry.ts";
import { relativeError } from "../oracles/float64.ts";
import { lastLogits } from "../oracles/last_logits.ts";
import { type PythonCheck, pythonCheck } from "./python_check.ts";

const PROGRAM = `
import json, sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, adapter, merged, prompts = sys.argv[1:]
load = lambda folder: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
model = PeftModel.from_pretrained(load(base), adapter).eval()
whole = load(merged)
def last(model, tokens):
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens])).logits[0, -1].double().tolist()
answers = [[last(model, tokens), last(whole, tokens)] for tokens in json.load(open(prompts))]
trainable = sum(p.numel() for n, p in model.named_parameters() if "lora_" in n)
weights = {n: p.flatten().tolist() for n, p in model.merge_and_unload().named_parameters() if n.startswith("model.layers.1.")}
print(json.dumps({"answers": answers, "trainable": trainable, "weights": weights}))
`;

const QUESTIONS = 16;

/** Says what agrees. */
async function check({ python, folder, say }: PythonCheck): Promise<void> {
  const config = applySettings(defaultConfig, ["rl.updates=10", "rl.learningRate=1e-3", "evaluation.testItems=32"]);
  const [out, adapter, merged] = ["results", "adapter", "merged"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const plan = await planExperiment({
    task: "arithmetic",
    arms: ["grpo"],
    seeds: [0],
    adapter: { rank: 8, alpha: 12 },
    config,
    out,
  });
  await runExperiment(plan);
  const { parameters } = await exportPolicy(out, { cell: "grpo/0", out: adapter });
  await exportPolicy(out, { cell: "grpo/0", out: merged, merged: true });
  const start = fileURLToPath(new URL("../../harness/model/embedded/", import.meta.url)),
    base = await readPolicy(start);
  const policy = await readPolicy(merged), task = findTask("arithmetic");
  const { test } = (await task.load({ dataDir: null, level: 2 })).splits;
  const prompts = Array.from({ length: QUESTIONS }, (_, i) => policy.tokenizer.chat(task.prompt(test.item(i))).tokens);
  const file = join(folder, "prompts.json");
  writeFileSync(file, JSON.stringify(prompts.map((tokens) => [...tokens])));
  const found = JSON.parse(
    execFileSync(python, ["-c", PROGRAM, start, adapter, merged, file], { encoding: "utf8", maxBuffer: 2 ** 28 }),
  ) as { answers: [number[], number[]][]; trainable: number; weights: Record<string, number[]> };

  let adapted = 0, whole = 0, change = 0;
  for (const [i, [withAdapter, ofMerged]] of found.answers.entries()) {
    const ours = await lastLogits(policy, prompts[i]!), before = await lastLogits(base, prompts[i]!);
    adapted = Math.max(adapted, relativeError(ours, withAdapter));
    whole = Math.max(whole, relativeError(ours, ofMerged));
    change = Math.max(change, relativeError(before, withAdapter));
  }
  const weights = Math.max(
    ...Object.entries(found.weights).map(([name, data]) => relativeError(parameterView(policy.weights, name), data)),
  );
  const size = (error: number) => error.toExponential(1);
  say(found.trainable === parameters, `peft trains ${found.trainable} floats, as we do`);
  say(change > 1e-3, `the adapter changes logits by up to ${size(change)}`);
  say(adapted <= 1e-4, `logits differ from peft's over ${QUESTIONS} prompts by at most ${size(adapted)}`);
  say(whole <= 1e-4, `logits of the merged policy differ from transformers' by at most ${size(whole)}`);
  say(weights <= 1e-6, `merged weights differ from peft's by at most ${size(weights)}`);
}

await pythonCheck(
  "check_adapter",
  "Trains an adapter to the embedded policy a little, exports it, and compares it with what peft loads.",
  check,
);

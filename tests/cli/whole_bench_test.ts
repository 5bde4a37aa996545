// The whole bench, from the command to valid records, on what users bring: checkpoints that transformers wrote, and the
// real GSM8K. What the numbers are is not asked here; that they come from sampling what was trained is.

import { deepEqual, equal, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readCellRecord, readExperiment } from "../../harness/records/store.ts";
import { NEEDS_DATA, realData } from "../real_data.ts";
import { EXACT } from "../rl/small_policies.ts";
import { root } from "../sources.ts";

const program = fileURLToPath(new URL("harness/cli/main.ts", root));
const checkpoints = fileURLToPath(new URL("tests/fixtures/checkpoints/", root));
const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** Runs `bench` and returns the experiment and its cells' records. */
async function bench(out: string, ...args: string[]) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, "bench", ...args, `--out=${out}`],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  const experiment = await readExperiment(join(folder, out, "experiment.json"));
  const read = (cell: { folder: string }) => readCellRecord(join(folder, out, cell.folder, "record.json"));
  return { experiment, records: await Promise.all(experiment.cells.map(read)) };
}

for (const family of ["llama", "qwen2", "qwen3"]) {
  Deno.test(`bench takes a ${family} checkpoint of transformers through training and evaluation`, async () => {
    const settings = [
      "rl.updates=2",
      "rl.questions=3",
      "rl.completions=4",
      "rl.maxPromptTokens=900",
      "rl.maxCompletionTokens=10",
      "rl.learningRate=1e-3",
      "rl.klBeta=0.1",
      "rl.warmup=0",
      "evaluation.every=1",
      "evaluation.validationItems=4",
      "evaluation.testItems=4",
    ];
    const { experiment, records } = await bench(
      family,
      "--profile=smoke",
      "--arms=grpo,random-bonus",
      `--policy=${join(checkpoints, family)}`,
      ...settings.map((setting) => `--set=${setting}`),
    );
    equal(experiment.status, "finished");
    equal(experiment.match.matched, true);
    deepEqual(experiment.match.problems, []);
    for (const { arm, outcome } of records) {
      ok(outcome !== null);
      equal(outcome.updates, 2);
      equal(outcome.evaluations.length, 5);
      ok(outcome.samplerTrainerGap <= EXACT, `${outcome.samplerTrainerGap}`);
      // No answer of a random policy is right: only a bonus moves it.
      equal(outcome.finalWeights === outcome.match.weights, arm === "grpo");
    }
  });
}

const gsm8k = join(realData, "gsm8k");
Deno.test({
  name: `bench gsm8k runs on the real files with the embedded policy (${NEEDS_DATA})`,
  ignore: !existsSync(join(gsm8k, "train.jsonl")),
  fn: async () => {
    const { experiment, records } = await bench(
      "gsm8k",
      "gsm8k",
      "--policy=embedded",
      "--profile=smoke",
      `--data-dir=${gsm8k}`,
    );
    equal(experiment.status, "finished");
    deepEqual(experiment.cells.map(({ arm, n, updates }) => [arm, n, updates]), [
      ["base", 32, 0],
      ["grpo", 32, 6],
      ["memory-r+", 32, 6],
    ]);
    equal(experiment.match.matched, true);
    for (const { outcome } of records) ok(outcome!.samplerTrainerGap <= EXACT);
  },
});

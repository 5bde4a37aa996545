// The whole bench on a device that is not the CPU, beside the same on the CPU.

import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseJson } from "../../harness/base/json_file.ts";
import type { StepRecord } from "../../harness/contract.ts";
import { readCellRecord } from "../../harness/records/store.ts";
import { relativeError } from "../oracles/float64.ts";
import { root } from "../sources.ts";
import { DRIVERS, onDriver } from "../vulkan.ts";

const program = fileURLToPath(new URL("harness/cli/main.ts", root));
const policy = fileURLToPath(new URL("tests/fixtures/checkpoints/llama", root));
const SETTINGS = [
  ...["rl.updates=2", "rl.questions=2", "rl.completions=4", "rl.maxPromptTokens=900", "rl.maxCompletionTokens=10"],
  ...["rl.learningRate=1e-3", "rl.warmup=0", "evaluation.validationItems=2", "evaluation.testItems=4"],
];

/** A cell of two updates. */
async function cell(options: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", program, "bench", "countdown", "--profile=smoke", "--arms=random-bonus", "--seeds=0"],
      ...[`--policy=${policy}`, "--out=out", ...options, ...SETTINGS.map((setting) => `--set=${setting}`)],
    ],
    cwd: folder,
    env: { NO_COLOR: "1", ...env },
    stdout: "null",
    stderr: "piped",
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  const out = join(folder, "out", "random-bonus", "seed-0");
  const lines = readFileSync(join(out, "steps.jsonl"), "utf8").trim().split("\n");
  const { outcome, environment } = await readCellRecord(join(out, "record.json"));
  await Deno.remove(folder, { recursive: true });
  return {
    outcome: outcome!,
    environment: environment!,
    steps: lines.map((line) => parseJson(line, "steps.jsonl") as StepRecord),
  };
}

const numbers = ({ loss, gradientNorm, entropy }: StepRecord) => [loss, gradientNorm, entropy];

for (const driver of DRIVERS) {
  Deno.test(onDriver("bench --device webgpu draws what the CPU draws and learns what it learns", driver), async () => {
    const [here, there] = await Promise.all([cell([]), cell(["--device=webgpu"], driver.env)]);
    deepEqual(there.outcome.match, here.outcome.match);
    deepEqual(there.outcome.asked, here.outcome.asked);
    equal(there.environment.device, "webgpu");
    equal(there.environment.accelerator!.provider, "webgpu");
    here.steps.forEach((step, i) => {
      const error = relativeError(numbers(there.steps[i]!), numbers(step));
      ok(error < 1e-3, `step ${i + 1} is off by ${error}`);
    });
    ok(here.steps.at(-1)!.gradientNorm > 0, "it must learn something");
  });

  if (!driver.half) continue;
  Deno.test(onDriver("bench --precision float16 asks what the CPU asks, and learns", driver), async () => {
    const [here, there] = await Promise.all([
      cell([]),
      cell(["--device=webgpu", "--precision=float16"], driver.env),
    ]);
    deepEqual(there.outcome.asked, here.outcome.asked);
    equal(there.environment.precision, "float16");
    there.steps.forEach(({ entropy, samplerTrainerGap: gap }, i) => {
      const error = relativeError([entropy], [here.steps[i]!.entropy]);
      ok(error < 0.1, `the entropy of step ${i + 1}, most of whose draws are the CPU's, is off by ${error}`);
      ok(gap > 1e-3 && gap < 0.1, `sampler and trainer each round: they differ by ${gap} at step ${i + 1}`);
    });
    ok(there.steps.at(-1)!.gradientNorm > 0, "it must learn something");
  });
}

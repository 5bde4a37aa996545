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
import { hasVulkan, NEEDS_VULKAN, vulkan } from "../vulkan.ts";

const program = fileURLToPath(new URL("harness/cli/main.ts", root));
const policy = fileURLToPath(new URL("tests/fixtures/checkpoints/llama", root));
const SETTINGS = [
  ...["rl.updates=2", "rl.questions=2", "rl.completions=4", "rl.maxPromptTokens=900", "rl.maxCompletionTokens=10"],
  ...["rl.learningRate=1e-3", "rl.warmup=0", "evaluation.validationItems=2", "evaluation.testItems=4"],
];

Deno.test({
  name: `bench --device webgpu draws what the CPU draws and learns what it learns${NEEDS_VULKAN}`,
  ignore: !hasVulkan,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const cell = async (device: string) => {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", program, "bench", "countdown", "--profile=smoke", "--arms=random-bonus", "--seeds=0"],
          ...[`--policy=${policy}`, `--device=${device}`, `--out=${device}`],
          ...SETTINGS.map((setting) => `--set=${setting}`),
        ],
        cwd: folder,
        env: { NO_COLOR: "1", ...vulkan },
        stdout: "null",
        stderr: "piped",
      }).output();
      equal(code, 0, new TextDecoder().decode(stderr));
      const lines = readFileSync(join(folder, device, "random-bonus/seed-0/steps.jsonl"), "utf8").trim().split("\n");
      return {
        record: await readCellRecord(join(folder, device, "random-bonus/seed-0/record.json")),
        steps: lines.map((line) => parseJson(line, "steps.jsonl") as StepRecord),
      };
    };
    const [here, there] = await Promise.all([cell("cpu"), cell("webgpu")]);
    deepEqual(there.record.outcome!.match, here.record.outcome!.match);
    deepEqual(there.record.outcome!.asked, here.record.outcome!.asked);
    equal(there.record.environment!.device, "webgpu");
    equal(there.record.environment!.accelerator!.provider, "webgpu");
    const numbers = ({ loss, gradientNorm, entropy }: StepRecord) => [loss, gradientNorm, entropy];
    here.steps.forEach((step, i) => {
      const error = relativeError(numbers(there.steps[i]!), numbers(step));
      ok(error < 1e-3, `step ${i + 1} is off by ${error}`);
    });
    ok(here.steps.at(-1)!.gradientNorm > 0, "it must learn something");
    await Deno.remove(folder, { recursive: true });
  },
});

// Faults that a gate is for, planted and really run: an arm whose advantages have the wrong sign, and a grader that takes
// any number for the answer. The embedded policy, so few updates and questions that it takes seconds.

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConfigInput } from "../../harness/config.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { type ExperimentOptions, planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment } from "../../harness/experiment/run_experiment.ts";
import { readResults, type Results } from "../../harness/records/results.ts";
import { compareResults } from "../../harness/report/compare/compare_results.ts";
import { root } from "../sources.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const file = (path: string) => fileURLToPath(new URL(path, root));
const options = { margin: 0.02, tier: "auto" } as const;

async function run(name: string, config: ConfigInput, asked: Partial<ExperimentOptions>): Promise<Results> {
  const out = join(folder, name), rl = { questions: 4, ...config.rl };
  const evaluation = { every: 0, validationItems: 4, testItems: 48 };
  const plan = await planExperiment({
    task: "arithmetic",
    arms: ["mine"],
    seeds: [0, 1, 2],
    config: overrideConfig(defaultConfig, { rl, evaluation }, "test"),
    out,
    ...asked,
  });
  const { record: { cells } } = await runExperiment(plan);
  deepEqual(cells.map(({ failure }) => failure), cells.map(() => null));
  return await readResults(out, { steps: false });
}

Deno.test("compareResults() catches an arm whose advantages have the wrong sign", async () => {
  const config = { rl: { updates: 5, learningRate: 1e-4 } };
  const right = await run("right", config, { armFiles: [file("tests/report/planted/right_sign.ts")] });
  const wrong = await run("wrong", config, { armFiles: [file("tests/report/planted/wrong_sign.ts")] });
  const { verdict, problems, arms: [mine], notes } = compareResults(wrong, right, options);
  deepEqual([verdict, problems], ["regress", []]);
  equal(mine!.judged!.effect.upper < -0.3 && mine!.judged!.adjustedP < 0.05, true);
  match(notes.join("\n"), /mine is defined by another file/);
  equal(compareResults(right, right, options).verdict, "pass");
  equal(compareResults(right, wrong, options).arms[0]?.judged?.tooGood, true, "the other way round it is too good");
});

Deno.test("compareResults() catches a grader that accepts anything, by what it makes of the untrained policy", async () => {
  const config = { rl: { updates: 1, maxCompletionTokens: 48 } }, asked = { task: "sums", arms: ["grpo"], seeds: [0] };
  const strict = await run("strict", config, { ...asked, taskFile: file("tests/examples/my_task.ts") });
  const lax = await run("lax", config, { ...asked, taskFile: file("tests/report/planted/lax_task.ts") });
  const { verdict, problems, notes } = compareResults(lax, strict, options);
  equal(verdict, "not comparable");
  match(
    problems.join("\n"),
    /^the untrained policy scores [89]\d\.\d % .* in the baseline 0\.0 % .*: the grader, the prompt/,
  );
  match(notes.join("\n"), /the task is defined by another file/);
});

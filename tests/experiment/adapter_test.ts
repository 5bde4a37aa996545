// An experiment that trains adapters, from the plan to the export: one small real one is run, stopped and gone on with,
// verified, and what it trained is written for peft and as a policy.

import { deepEqual, equal, match, notEqual, ok, rejects, throws } from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { bytesOf, sha256 } from "../../harness/base/digest.ts";
import { MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { addPolicy } from "../../harness/cli/policy.ts";
import { checkAdapterExport } from "../../harness/experiment/export_adapter.ts";
import { exportPolicy } from "../../harness/experiment/export_policy.ts";
import { type AskedAdapter, planExperiment } from "../../harness/experiment/plan.ts";
import { runExperiment, type RunOptions } from "../../harness/experiment/run_experiment.ts";
import { settlePlan } from "../../harness/experiment/settle_plan.ts";
import { verify } from "../../harness/experiment/verify.ts";
import { adapterLayout, adapterOptions, TARGETS } from "../../harness/model/lora.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { readPlan } from "../../harness/records/plan_schema.ts";
import { readCellRecord, readExperiment, readSteps } from "../../harness/records/store.ts";
import { readCheckpoint } from "../../harness/rl/checkpoint.ts";
import { captured, examplesOf, helpOf } from "../cli/captured.ts";
import { EXACT } from "../rl/small_policies.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const config = overrideConfig(defaultConfig, {
  rl: {
    updates: 4,
    questions: 3,
    completions: 4,
    warmup: 0,
    learningRate: 5e-3,
    maxCompletionTokens: 24,
    klBeta: 0.05,
  },
  memory: { embedder: "policy", warmup: 0 },
  evaluation: { every: 2, validationItems: 6, testItems: 16 },
}, "the test");
const arms = ["grpo", "memory-r+"], seeds = [3, 4], adapter: AskedAdapter = { rank: 4 };
const planned = (out: string, asked: AskedAdapter | null = adapter, policy = "embedded") =>
  planExperiment({
    task: "arithmetic",
    config,
    arms,
    seeds,
    adapter: asked,
    policy,
    out,
    checkpointEvery: 1,
    threads: 1,
  });

async function run(out: string, more: RunOptions = {}) {
  const { record } = await runExperiment(await planned(out), more);
  return record;
}
const whole = join(parent, "whole");
equal((await run(whole)).status, "finished");
const outcomeOf = async (arm: string, seed: number, out = whole) =>
  (await readCellRecord(join(out, `${arm}/seed-${seed}/record.json`))).outcome!;
const start = await readPolicy(new URL("../../harness/model/embedded/", import.meta.url).pathname);
const options = adapterOptions(start.config, 4, null, null);

Deno.test("an experiment with an adapter is matched, has no gap between sampler and trainer, and says what it trained", async () => {
  const plan = await readPlan(join(whole, "plan.json"));
  deepEqual(plan.policy.adapter, { rank: 4, alpha: 8, targets: [...TARGETS] });
  const { match: { matched, problems } } = await readExperiment(join(whole, "experiment.json"));
  deepEqual([matched, problems], [true, []]);
  for (const arm of arms) {
    const outcome = await outcomeOf(arm, 3);
    ok(outcome.samplerTrainerGap <= EXACT);
    notEqual(outcome.match.weights, start.digest);
    const [first, ...others] = await readSteps(join(whole, `${arm}/seed-3/steps.jsonl`));
    equal(first!.kl, 0, "an adapter begins as its reference");
    ok(others.every(({ kl }) => kl! > 0));
  }
});

Deno.test("a checkpoint of an adapter holds A and B, and no more", async () => {
  const { step, sections } = await readCheckpoint(join(whole, "grpo/seed-3/checkpoints"), 4);
  const bytes = 4 * adapterLayout(start.config, options).size;
  const lengths = ["weights", "first", "second"].map((name) => sections[name]!.length);
  deepEqual([step, ...lengths], [4, bytes, bytes, bytes]);
  equal(sha256(sections["weights"]!), (await outcomeOf("grpo", 3)).finalWeights);
});

Deno.test("verify() finds an adapter's experiment sound, and replays it from a checkpoint and from the start", async () => {
  for (const replay of [null, 4]) {
    const items = await verify(whole, { replay, cell: "memory-r+/4" });
    deepEqual(items.filter(({ state }) => state !== "ok"), []);
    ok(items.some(({ what }) => /^replay: update/.test(what)));
  }
});

Deno.test("an experiment with an adapter that is stopped and gone on with ends with the same bytes", async () => {
  const out = join(parent, "broken"), stop = new AbortController();
  const { status } = await run(out, {
    signal: stop.signal,
    report: (progress) => {
      if (progress.type === "event" && progress.event.type === "step" && progress.event.record.step === 3) stop.abort();
    },
  });
  equal(status, "interrupted");
  equal((await run(out)).status, "finished");
  for (const arm of arms) {
    for (const seed of seeds) {
      deepEqual(await outcomeOf(arm, seed, out), await outcomeOf(arm, seed));
      const last = (folder: string) =>
        readFileSync(join(folder, `${arm}/seed-${seed}/checkpoints/step-000004.checkpoint`));
      deepEqual(last(out), last(whole));
    }
  }
});

Deno.test("settlePlan() does not go on with another adapter, or with none", async () => {
  for (
    const [asked, message] of [
      [{ rank: 8 }, / adapter\.rank was 4 and is 8/],
      [{ rank: 4, targets: ["q_proj"] }, / adapter\.targets was \[.*\] and is \["q_proj"\]/],
      [null, / adapter was \{.*\} and is absent/],
    ] as const
  ) {
    await rejects(planned(whole, asked).then(settlePlan), (error: unknown) => {
      ok(error instanceof MisuseError && message.test(error.message), String(error));
      return true;
    });
  }
  deepEqual(await settlePlan(await planned(whole)), await readPlan(join(whole, "plan.json")));
});

Deno.test("exportPolicy() writes an adapter for peft, and says so on its card", async () => {
  const out = join(parent, "adapter"), written = await exportPolicy(whole, { cell: "grpo/3", out, step: 4 });
  deepEqual(readdirSync(out).sort(), ["README.md", "adapter_config.json", "adapter_model.safetensors"]);
  const { finalWeights } = await outcomeOf("grpo", 3), { size } = adapterLayout(start.config, options);
  deepEqual(written, { step: 4, weights: finalWeights, parameters: size, adapter: true });
  const saved = JSON.parse(readFileSync(join(out, "adapter_config.json"), "utf8"));
  deepEqual([saved.base_model_name_or_path, saved.revision, saved.r, saved.lora_alpha], ["embedded", null, 4, 8]);
  const card = readFileSync(join(out, "README.md"), "utf8");
  match(card, /^library_name: peft$/m);
  match(card, /a LoRA adapter of rank 4 and alpha 8 to q.*, k.*, for PEFT\./);
});

Deno.test("exportPolicy() merges an adapter into a policy that answers as it did at the end of the training", async () => {
  const out = join(parent, "merged"), { evaluatedStep, evaluations } = await outcomeOf("memory-r+", 3);
  const written = await exportPolicy(whole, { cell: "memory-r+/3", out, merged: true });
  const policy = await readPolicy(out);
  deepEqual([written.step, written.adapter, written.weights], [evaluatedStep, false, policy.digest]);
  equal(sha256(bytesOf(policy.weights.data)), policy.digest);
  deepEqual({ ...policy.config, raw: null }, { ...start.config, raw: null });
  match(readFileSync(join(out, "README.md"), "utf8"), /it is merged into these weights\./);
  const next = await planExperiment({
    task: "arithmetic",
    config,
    arms: ["base"],
    seeds: [3],
    policy: out,
    out: join(parent, "next"),
    threads: 1,
  });
  equal((await runExperiment(next)).record.status, "finished");
  const asked = (all: typeof evaluations, step: number) =>
    all.filter((one) => one.split === "test" && one.step === step).map(({ step: _, ...one }) => one);
  deepEqual(asked((await outcomeOf("base", 3, next.out)).evaluations, 0), asked(evaluations, evaluatedStep));
});

Deno.test("policy's example of --merged runs, and without --merged the adapter is written", async () => {
  const program = new Command();
  addPolicy(program);
  const words = examplesOf(helpOf(program.commands[0]!)).find((words) => words.includes("--merged"))!;
  for (const [what, flags] of [["Policy", words], ["Adapter", words.filter((word) => word !== "--merged")]] as const) {
    const out = join(parent, `cli-${what}`), given = new Map([["--cell", "grpo/3"], ["--out", out]]);
    const args = flags.map((word, i) => i === 1 ? whole : given.get(flags[i - 1]!) ?? word);
    const { code, stdout } = await captured(parent, ...args);
    equal(code, 0);
    ok(stdout.includes(`${what}: ${out} (grpo/3 after 4 updates, `), stdout);
    equal(existsSync(join(out, "adapter_config.json")), what === "Adapter");
  }
});

Deno.test("the best adapter on validation questions comes back for the last evaluation, also where it is the first", async () => {
  const out = join(parent, "best"), best = overrideConfig(config, { evaluation: { checkpoint: "best" } }, "the test");
  const plan = await planExperiment({
    task: "arithmetic",
    config: best,
    arms: ["grpo"],
    seeds: [3],
    adapter,
    out,
    threads: 1,
  });
  equal((await runExperiment(plan)).record.status, "finished");
  const { evaluations, evaluatedStep } = await outcomeOf("grpo", 3, out);
  const [before, after] = evaluations.filter(({ split, step }) => split === "test" && step === evaluatedStep);
  equal(evaluatedStep, 0); // so large a rate helps nobody
  deepEqual(before, after);
});

Deno.test("checkAdapterExport() names the policy as peft finds it, and refuses an adapter whose policy has no name", async () => {
  const plan = await readPlan(join(whole, "plan.json"));
  const of = (policy: object) => ({ ...plan, policy: { ...plan.policy, ...policy } });
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const names = [`Qwen/Qwen2.5-0.5B-Instruct@${commit}`, "models/mine/", "embedded"].map((name) => {
    const base = checkAdapterExport("grpo/3", of({ name }), false)!;
    return [base.name, base.revision];
  });
  deepEqual(names, [["Qwen/Qwen2.5-0.5B-Instruct", commit], ["mine", null], ["embedded", null]]);
  const warmed = of({ warmUp: { updates: 2, questions: 2, learningRate: 1e-5 } });
  throws(
    () => checkAdapterExport("grpo/3", warmed, false),
    /warmed-up policy, .* … write the whole policy with --merged/,
  );
  equal(checkAdapterExport("grpo/3", warmed, true), null);
});

Deno.test("exportPolicy() merges nothing where the policy's own weights were trained", async () => {
  const plain = join(parent, "plain"), out = join(parent, "never");
  const plan = await planExperiment({ task: "arithmetic", config, arms: ["grpo"], seeds: [3], out: plain, threads: 1 });
  equal((await runExperiment(plan)).record.status, "finished");
  ok(!("adapter" in (await readPlan(join(plain, "plan.json"))).policy));
  await rejects(exportPolicy(plain, { cell: "grpo/3", out, merged: true }), /Cannot merge .* … leave --merged out/);
  ok(!existsSync(out));
});

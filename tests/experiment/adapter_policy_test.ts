// An adapter as the policy of an experiment and of an evaluation: what a cell trained and exported for peft is taken up
// again, and gives what the merged export gives, to the bit.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { exportPolicy } from "../../harness/experiment/export_policy.ts";
import { type AskedAdapter, planExperiment } from "../../harness/experiment/plan.ts";
import { findPolicy, glimpsePolicy } from "../../harness/experiment/policies.ts";
import { runExperiment } from "../../harness/experiment/run_experiment.ts";
import { settlePlan } from "../../harness/experiment/settle_plan.ts";
import { verify } from "../../harness/experiment/verify.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { readEvaluation } from "../../harness/records/evaluation_record.ts";
import { readPlan } from "../../harness/records/plan_schema.ts";
import { readCellRecord } from "../../harness/records/store.ts";
import { captured } from "../cli/captured.ts";
import { EXACT } from "../rl/small_policies.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const config = overrideConfig(defaultConfig, {
  rl: { updates: 2, questions: 3, completions: 4, warmup: 0, learningRate: 1e-3, maxCompletionTokens: 64 },
  evaluation: { every: 1, validationItems: 4, testItems: 12 },
}, "the test");

async function run(name: string, policy: string, adapter: AskedAdapter | null = null, warmUp = 0) {
  const out = join(parent, name);
  const plan = await planExperiment({
    task: "arithmetic",
    config,
    arms: ["base", "grpo"],
    seeds: [3],
    policy,
    adapter,
    warmUp: warmUp > 0 ? { updates: warmUp } : null,
    out,
    checkpointEvery: 1,
    threads: 1,
  });
  equal((await runExperiment(plan)).record.status, "finished");
  return out;
}
const outcomeOf = async (out: string, arm: string) =>
  (await readCellRecord(join(out, arm, "seed-3", "record.json"))).outcome!;

const first = await run("first", "embedded", { rank: 3, alpha: 5, targets: ["q_proj", "o_proj", "down_proj"] });
const adapter = join(parent, "adapter"), merged = join(parent, "merged");
await exportPolicy(first, { cell: "grpo/3", out: adapter });
await exportPolicy(first, { cell: "grpo/3", out: merged, merged: true });
const onAdapter = await run("on-adapter", adapter);

Deno.test("readPolicy() merges an exported adapter into what the merged export holds, to the bit", async () => {
  const { folder, merged: from, base, files, label } = await findPolicy(adapter);
  const policy = await readPolicy(folder, from), whole = await readPolicy(merged);
  deepEqual(policy.weights.data, whole.weights.data);
  equal(policy.digest, whole.digest);
  deepEqual([from, base, label], [adapter, "embedded", "adapter"]);
  const own = (await findPolicy("embedded")).files;
  deepEqual(
    Object.keys(files).sort(),
    [...Object.keys(own), "adapter_config.json", "adapter_model.safetensors"].sort(),
  );
});

Deno.test("an experiment begins with the adapter's policy as with the merged one, and its plan says of what it is made", async () => {
  const onMerged = await run("on-merged", merged), plan = await readPlan(join(onAdapter, "plan.json"));
  const { name, base, files } = plan.policy;
  deepEqual([name, base, plan.policy.adapter], [adapter, "embedded", undefined]);
  deepEqual(files, (await findPolicy(adapter)).files);
  ok(!("base" in (await readPlan(join(onMerged, "plan.json"))).policy));
  for (const arm of ["base", "grpo"]) deepEqual(await outcomeOf(onAdapter, arm), await outcomeOf(onMerged, arm));
  ok((await outcomeOf(onAdapter, "grpo")).samplerTrainerGap <= EXACT);
});

Deno.test("verify() finds an experiment on an adapter sound and replays it, and names the adapter's file that was changed", async () => {
  const items = await verify(onAdapter, { replay: 2, cell: "grpo/3" });
  deepEqual(items.filter(({ state }) => state !== "ok"), []);
  ok(items.some(({ what }) => /^replay: updates? /.test(what)));
  const other = join(parent, "other");
  cpSync(adapter, other, { recursive: true });
  const weights = join(other, "adapter_model.safetensors"), bytes = readFileSync(weights);
  bytes[bytes.length - 3]! ^= 1;
  writeFileSync(weights, bytes);
  const broken = (await verify(onAdapter, { replay: 0, policy: other })).filter(({ state }) => state !== "ok");
  match(JSON.stringify(broken), /adapter_model\.safetensors/);
  match(JSON.stringify(broken), /match proof/);
  const asked = await planExperiment({
    task: "arithmetic",
    config,
    arms: ["base"],
    seeds: [3],
    policy: other,
    out: onAdapter,
  });
  await rejects(settlePlan(asked), /policy\.adapter_model\.safetensors was [0-9a-f]{12} and is/);
});

Deno.test("what was trained on an adapter's policy is exported whole, an adapter to it only merged", async () => {
  const out = join(parent, "whole"), { finalWeights } = await outcomeOf(onAdapter, "grpo");
  await exportPolicy(onAdapter, { cell: "grpo/3", out });
  equal((await readPolicy(out)).digest, finalWeights);
  match(
    readFileSync(join(out, "README.md"), "utf8"),
    /^The policy adapter \(an adapter, merged into embedded\), trained/m,
  );
  const twice = await run("twice", adapter, { rank: 2 });
  await rejects(
    exportPolicy(twice, { cell: "grpo/3", out: join(parent, "never") }),
    /it adapts "embedded" with another adapter merged into it, .* … write the whole policy with --merged/,
  );
  const both = join(parent, "both"),
    { weights } = await exportPolicy(twice, { cell: "grpo/3", out: both, merged: true });
  equal((await readPolicy(both)).digest, weights);
});

Deno.test("a warm-up begins with the adapter's policy", async () => {
  const out = await run("warmed", adapter, null, 1);
  deepEqual((await verify(out, { replay: 1, cell: "grpo/3" })).filter(({ state }) => state !== "ok"), []);
  const warmed = await readPolicy(join(out, "warmup", "policy"));
  ok(warmed.digest !== (await readPolicy(merged)).digest);
  deepEqual({ ...warmed.config, raw: null }, { ...(await readPolicy(merged)).config, raw: null });
});

Deno.test("eval gives an adapter and the merged policy the same samples, and records what the adapter adapts", async () => {
  const args = ["--policy", adapter, "--policy", merged, "--items", "6", "--samples", "2", "--threads", "1"];
  const { code, stderr } = await captured(parent, "eval", ...args, "--out", "evaluations");
  equal(code, 0, stderr);
  const folders = readdirSync(join(parent, "evaluations")).sort();
  const [one, two] = await Promise.all(
    folders.map((name) => readEvaluation(join(parent, "evaluations", name, "evaluation.json"))),
  );
  equal(one!.outcome!.samples, two!.outcome!.samples);
  deepEqual([one!.asked.policy.base, two!.asked.policy.base], ["embedded", undefined]);
});

Deno.test("doctor takes an adapter, and so does what is only planned", async () => {
  const glimpsed = await glimpsePolicy(adapter);
  deepEqual([glimpsed.merged, glimpsed.base, glimpsed.bytes], [adapter, "embedded", 0]);
  await glimpsed[Symbol.asyncDispose]();
  const { code, stdout } = await captured(parent, "doctor", "arithmetic", "--policy", adapter, "--questions", "1");
  ok(code === 0 || code === 1, stdout);
  match(stdout, /prompts/i);
});

Deno.test("findPolicy() says which adapter names a policy that is not there, or one that it cannot adapt", async () => {
  const copy = (name: string, base: string) => {
    const folder = join(parent, name), path = join(folder, "adapter_config.json");
    cpSync(adapter, folder, { recursive: true });
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), base_model_name_or_path: base }));
    return folder;
  };
  const refused = (name: string, pattern: RegExp) =>
    rejects(findPolicy(name), (error: unknown) => {
      ok(error instanceof MisuseError && pattern.test(error.message), String(error));
      return true;
    });
  await refused(copy("lost", "mine"), /policy "mine": there is no folder .*; "base_model_name_or_path" of ".*lost/);
  await refused(copy("chained", adapter), /adapter": it is an adapter itself … .*; "base_model_.*" of ".*chained/);
  const circle = join(parent, "circle");
  await refused(copy("circle", circle), /circle": it is an adapter itself/);
  await rejects(glimpsePolicy(circle), /circle": it is an adapter itself/);
  await refused(parent, /holds neither config\.json nor adapter_config\.json/);
  cpSync(merged, join(parent, "lost"), { recursive: true });
  await refused(join(parent, "lost"), /holds a policy and an adapter … move one/);
});

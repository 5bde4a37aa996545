// What is asked for beside the plan that a folder holds: gone on with, added to, or refused by name.

import { deepEqual, equal, match, notEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { MisuseError } from "../../harness/base/errors.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import { type ExperimentOptions, planExperiment } from "../../harness/experiment/plan.ts";
import { namedArms, namedCells, settlePlan } from "../../harness/experiment/settle_plan.ts";
import { amendPlan, type PlanRecord, readPlan, sealPlan } from "../../harness/records/plan_schema.ts";
import { recordText } from "../../harness/records/store.ts";
import { proberOf } from "../fakes/devices.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

const parent = await Deno.makeTempDir();
const policy = await makePolicyFolder(parent);
const armFile = join(parent, "my_arm.ts");
const armText = (lossy: string) =>
  `export const mine = { name: "mine", summary: "an arm of mine", trains: true, overrides: { "rl.loss": "${lossy}" } };\n`;
Deno.writeTextFileSync(armFile, armText("dapo"));
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const settle = async (out: string, options: Partial<ExperimentOptions> = {}): Promise<PlanRecord> => {
  const common = { task: "arithmetic", policy, arms: ["grpo", "rloo"], seeds: [0, 1], config: defaultConfig, out };
  const plan = await settlePlan(await planExperiment({ ...common, ...options }));
  Deno.mkdirSync(out, { recursive: true });
  Deno.writeTextFileSync(join(out, "plan.json"), recordText(plan));
  return plan;
};

const refused = (out: string, options: Partial<ExperimentOptions>, ...patterns: readonly RegExp[]) =>
  rejects(settle(out, options), (error: unknown) => {
    if (!(error instanceof MisuseError)) throw error;
    for (const pattern of patterns) match(error.message, pattern);
    return true;
  });

const cellsOf = (plan: PlanRecord) => namedCells(plan).map(({ arm, seed, amendment }) => `${arm} ${seed} ${amendment}`);

Deno.test("settlePlan() goes on with the same plan, and with a part of it", async () => {
  const out = join(parent, "same"), plan = await settle(out);
  deepEqual(await settle(out), plan);
  deepEqual(await settle(out, { jobs: 1, threads: 7, keep: 0, checkpointEvery: 3, profile: "other" }), plan);
  deepEqual(await settle(out, { arms: ["rloo"], seeds: [1] }), plan);
  deepEqual(await readPlan(join(out, "plan.json")), plan);
});

Deno.test("settlePlan() appends arms and seeds as amendments, each chained on the one before", async () => {
  const out = join(parent, "more"), first = await settle(out);
  await settle(out, { arms: ["gdpo"], seeds: [0, 1] });
  const plan = await settle(out, { arms: ["grpo", "gdpo"], seeds: [1, 2] });
  deepEqual(cellsOf(plan), [
    "grpo 0 0",
    "grpo 1 0",
    "rloo 0 0",
    "rloo 1 0",
    "gdpo 0 1",
    "gdpo 1 1",
    "grpo 2 2",
    "gdpo 2 2",
  ]);
  deepEqual(namedArms(plan).map(({ name }) => name), ["grpo", "rloo", "gdpo"]);
  const { amendments, ...rest } = plan, { amendments: none, ...before } = first;
  deepEqual([rest, none], [before, []]); // what was planned stands as it was
  equal(plan.claim.against, "grpo");
  deepEqual(await readPlan(join(out, "plan.json")), plan);

  const swapped = sealPlan(withoutDigest(plan));
  const [one, two] = amendments.map(({ digest: _, ...added }) => added);
  notEqual(amendPlan(amendPlan(swapped, two!), one!).amendments[1]?.digest, amendments[1]?.digest);
});

function withoutDigest({ digest: _, amendments: __, ...content }: PlanRecord) {
  return content;
}

Deno.test("settlePlan() refuses every other difference, with both values and the remedy", async () => {
  const out = join(parent, "other");
  const before = await settle(out, { arms: ["grpo", "mine"], armFiles: [armFile] });
  const shorter = overrideConfig(defaultConfig, { rl: { updates: 60 }, task: { level: 1 } }, "test");
  await refused(
    out,
    { config: shorter },
    /config\.rl\.updates was 120 and is 60/,
    /config\.task\.level was 2 and is 1/,
    /task\.data was "?[0-9a-f]{12}"? and is/,
    / … ask for what it was, or choose another folder with --out$/,
  );
  await refused(out, { device: "webgpu", probe: proberOf({ webgpu: {} }) }, /device was "cpu" and is "webgpu"/);
  await refused(
    out,
    { device: "webgpu", precision: "float16", probe: proberOf({ webgpu: {} }) },
    /precision was "float32" and is "float16"/,
  );
  await refused(out, { claim: { margin: 3 } }, /claim\.margin was 0\.02 and is 0\.03/);
  await refused(out, { claim: { against: "rloo" } }, /claim\.against was "grpo" and is "rloo"/);
  deepEqual(await settle(out, { arms: ["mine"], armFiles: [armFile], claim: { margin: 2 } }), before);

  await Deno.writeTextFile(join(policy, "model.safetensors"), "weights");
  await refused(out, {}, /policy\.model\.safetensors was absent and is [0-9a-f]{12}/);
  await Deno.remove(join(policy, "model.safetensors"));

  const other = join(parent, "other_arm.ts");
  await Deno.writeTextFile(other, armText("dr_grpo"));
  await refused(
    out,
    { arms: ["mine"], armFiles: [other] },
    /arms\.mine\.overrides\.rl\.loss was "dapo" and is "dr_grpo"/,
    /arms\.mine\.file was [0-9a-f]{12} and is [0-9a-f]{12}/,
  );

  const older = sealPlan({ ...withoutDigest(before), matchbox: "0.0.1" });
  await Deno.writeTextFile(join(out, "plan.json"), recordText(older));
  await refused(out, {}, /matchbox was "0\.0\.1" and is "/);
});

Deno.test("settlePlan() refuses to go on with what an earlier schema version began", async () => {
  const out = join(parent, "earlier");
  Deno.mkdirSync(out);
  Deno.copyFileSync(new URL("../fixtures/records-v2/plan.json", import.meta.url), join(out, "plan.json"));
  await refused(out, {}, /plan\.json": it has schema version 2, and cells are now written in 3 … .* or choose another/);
});

Deno.test("settlePlan() refuses a folder of something else, and a plan.json that is damaged or foreign", async () => {
  const out = join(parent, "damaged"), path = join(out, "plan.json"), plan = await settle(out);
  const damaged = async (text: string, pattern: RegExp) => {
    await Deno.writeTextFile(path, text);
    await refused(out, {}, pattern, /plan\.json.* or choose another folder with --out$/);
  };
  const text = recordText(plan);
  await damaged(text.slice(0, 200), /the JSON is malformed/);
  await damaged("{}", /schemaVersion: /);
  await damaged(text.replace('"updates": 120', '"updates": "many"'), /config\.rl\.updates|config: /i).catch(() =>
    damaged(text.replace('"seed', '"sead'), /seeds: /)
  );
  await damaged(text.replace('"updates": 120', '"updates": 121'), /digest does not fit/);
  const amended = amendPlan(plan, { arms: plan.arms, seeds: [7] });
  await damaged(
    recordText({ ...amended, amendments: [{ ...amended.amendments[0]!, seeds: [8] }] }),
    /amendments\.0\.digest does not fit/,
  );
  await Deno.remove(path);
  await Deno.writeTextFile(join(out, "notes.md"), "mine");
  await refused(out, {}, /it holds notes\.md and no plan\.json … choose another folder with --out/);
});

// A small real experiment is made once; every test changes one thing in a copy of it, and verify() must name the file.

import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "../../harness/cli/main.ts";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import type { Outcome, SampleRecord, StepRecord, Task } from "../../harness/contract.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { isObject, parseJson } from "../../harness/base/json_file.ts";
import { planExperiment } from "../../harness/experiment/plan.ts";
import { replayRange } from "../../harness/experiment/replay_cell.ts";
import { runExperiment } from "../../harness/experiment/run_experiment.ts";
import { verify, type VerifyOptions } from "../../harness/experiment/verify.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import { amendPlan, readPlan, sealPlan } from "../../harness/records/plan_schema.ts";
import { readResults } from "../../harness/records/results.ts";
import type { CellRecord } from "../../harness/records/schema.ts";
import {
  outcomeDigest,
  readCellRecord,
  readExperiment,
  readSamples,
  readSteps,
  recordLine,
  recordText,
  stepChain,
} from "../../harness/records/store.ts";
import { readCheckpoint, writeCheckpoint } from "../../harness/rl/checkpoint.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { styleTask } from "../../tasks/style_task.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));
const policy = join(parent, "policy");
cpSync(fileURLToPath(new URL("../../harness/model/embedded/", import.meta.url)), policy, { recursive: true });

const original = join(parent, "original"), cell = "memory-r+/seed-3";
const config = overrideConfig(defaultConfig, {
  rl: { updates: 4, questions: 3, completions: 4, warmup: 0, learningRate: 1e-4, maxCompletionTokens: 24 },
  memory: { embedder: "hashing", warmup: 0 },
  evaluation: { every: 2, validationItems: 6, testItems: 12, samples: 4 },
}, "the test");
const plan = await planExperiment({
  task: "arithmetic",
  policy,
  arms: ["base", "memory-r+"],
  seeds: [3],
  config,
  threads: 1,
  jobs: 2,
  out: original,
});
equal((await runExperiment(plan)).record.status, "finished");

let copies = 0;
/** A fresh copy of the experiment. */
function copy(): string {
  const folder = join(parent, `copy-${copies++}`);
  cpSync(original, folder, { recursive: true });
  return folder;
}

/** "place: what" of the checks that failed. */
async function failures(folder: string, options: VerifyOptions = { replay: 0 }): Promise<string[]> {
  const items = await verify(folder, options);
  return items.filter(({ state }) => state === "failed").map(({ place, what }) => `${place}: ${what}`);
}

/** Changes the value in a JSON file. */
function edit(path: string, change: (value: Record<string, unknown>) => void): void {
  const value = parseJson(readFileSync(path, "utf8"), path);
  ok(isObject(value));
  const changed = structuredClone({ ...value });
  change(changed);
  writeFileSync(path, recordText(changed));
}

async function editSteps(folder: string, change: (steps: StepRecord[]) => StepRecord[]): Promise<void> {
  const path = join(folder, cell, "steps.jsonl");
  writeFileSync(path, change(await readSteps(path)).map(recordLine).join(""));
}

/** Changes the samples, and with them all digests that whoever forges results would change as well. */
async function forgeSamples(folder: string, change: (sample: SampleRecord) => SampleRecord): Promise<void> {
  const path = join(folder, cell, "samples.jsonl");
  const lines = (await readSamples(path)).map((sample, i) => recordLine(i === 1 ? change(sample) : sample));
  writeFileSync(path, lines.join(""));
  await forgeOutcome(folder, (outcome) => ({ ...outcome, samples: sha256(lines.join("")) }));
}

async function forgeOutcome(folder: string, change: (outcome: Outcome) => Outcome): Promise<void> {
  await forgeRecord(folder, (record) => {
    const outcome = change(record.outcome!);
    return { ...record, outcome, digest: outcomeDigest(outcome) };
  });
}

/** Changes a record, and the digest that experiment.json has of it. */
async function forgeRecord(folder: string, change: (record: CellRecord) => CellRecord): Promise<void> {
  const path = join(folder, cell, "record.json"), record = change(await readCellRecord(path));
  writeFileSync(path, recordText(record));
  edit(join(folder, "experiment.json"), (experiment) => {
    for (const entry of Array.isArray(experiment["cells"]) ? experiment["cells"] : []) {
      if (entry.arm === record.arm) entry.digest = record.digest;
    }
  });
}

const recordFile = `${cell}/record.json`, stepsFile = `${cell}/steps.jsonl`, samplesFile = `${cell}/samples.jsonl`;

Deno.test("verify() finds nothing wrong with an experiment, nor with a cell inside or outside of it, and replays to the bit", async () => {
  const items = await verify(original);
  deepEqual(items.filter(({ state }) => state !== "ok"), []);
  ok(items.length > 30);
  deepEqual(items.at(-1), { place: cell, what: "replay: updates 3 to 4, from a checkpoint", state: "ok", reasons: [] });

  const inside = await verify(join(original, cell), { replay: 0 });
  deepEqual(inside.filter(({ state }) => state !== "ok"), []);
  ok(inside.every(({ place }) => !place.startsWith("base/")));

  const alone = join(parent, "alone");
  cpSync(join(original, cell), alone, { recursive: true });
  const items2 = await verify(alone, { replay: 0 });
  deepEqual(items2.filter(({ state }) => state !== "ok").map(({ state, place }) => [state, place]), [
    ["skipped", "record.json"],
  ]);
});

Deno.test("verify() replays from the start where there is no checkpoint, and as many updates as it is told", async () => {
  const folder = copy();
  rmSync(join(folder, cell, "checkpoints"), { recursive: true });
  const items = await verify(folder, { replay: 2, cell: "memory-r+/seed-3" });
  deepEqual(items.at(-1), { place: cell, what: "replay: updates 1 to 2", state: "ok", reasons: [] });
  deepEqual(items.filter(({ state }) => state !== "ok"), []);
});

Deno.test("verify() replays no cell of a GPU and says why; everything else of it is checked", async () => {
  const folder = copy(),
    path = join(folder, "plan.json"),
    { digest: _, amendments: __, ...rest } = await readPlan(path);
  const sealed = sealPlan({ ...rest, device: "cuda" });
  writeFileSync(path, recordText(sealed));
  for (const name of ["base/seed-3", cell]) {
    const place = join(folder, name, "record.json"), record = await readCellRecord(place);
    const accelerator = { provider: "cuda", adapter: "NVIDIA H100", driver: "580.65", index: 1 };
    const environment = { ...record.environment!, device: "cuda", accelerator, precision: "float32" as const };
    writeFileSync(place, recordText({ ...record, environment }));
  }
  const experiment = join(folder, "experiment.json"), before = await readExperiment(experiment);
  writeFileSync(experiment, recordText({ ...before, device: "cuda", plan: sealed.digest }));
  const items = await verify(folder, { replay: 2 });
  deepEqual(items.filter(({ state }) => state === "failed"), []);
  const { what, state, reasons } = items.at(-1)!;
  deepEqual([what, state], ["replay", "skipped"]);
  match(
    reasons[0]!,
    /it ran on cuda, where sums may be taken in another order .* GPU results are compared statistically/,
  );
});

Deno.test("replayRange() takes the closest neighbours among the checkpoints and the end, or the first few updates", () => {
  deepEqual(replayRange([20, 100, 110], 120, null), { from: 100, to: 110 });
  deepEqual(replayRange([20, 110, 120], 120, null), { from: 110, to: 120 });
  deepEqual(replayRange([40], 120, null), { from: 40, to: 120 });
  deepEqual(replayRange([120], 120, null), { from: 0, to: 3 });
  deepEqual(replayRange([], 2, null), { from: 0, to: 2 });
  deepEqual(replayRange([20, 110], 120, 3), { from: 110, to: 113 });
  deepEqual(replayRange([20, 110], 120, 50), { from: 110, to: 120 });
});

Deno.test("verify() names plan.json where it was changed, and experiment.json where the change was sealed again", async () => {
  const folder = copy(), path = join(folder, "plan.json");
  edit(path, (value) => value["profile"] = "other");
  deepEqual(await failures(folder), ["plan.json: digests"]);

  const { digest: _, amendments: __, ...content } = await readPlan(join(original, "plan.json"));
  writeFileSync(path, recordText(sealPlan({ ...content, claim: { ...content.claim, margin: 0.1 } })));
  deepEqual(await failures(folder), ["experiment.json: what follows from the records"]);

  const seal = sealPlan({
    ...content,
    config: { ...content.config, rl: { ...content.config["rl"], learningRate: 1 } },
  });
  writeFileSync(path, recordText(seal));
  ok((await failures(folder)).includes(`${recordFile}: plan`));
});

Deno.test("verify() names plan.json where the chain of its amendments is broken", async () => {
  const folder = copy(), path = join(folder, "plan.json"), before = await readPlan(path);
  const [arm] = before.arms;
  const amended = amendPlan(amendPlan(before, { arms: [arm!], seeds: [3] }), { arms: [arm!], seeds: [3] });
  writeFileSync(path, recordText(amended));
  deepEqual(await failures(folder), []);
  writeFileSync(path, recordText({ ...amended, amendments: amended.amendments.slice(1) }));
  deepEqual(await failures(folder), ["plan.json: digests"]);
});

Deno.test("verify() names experiment.json where it says other than plan and records", async () => {
  const changes: readonly ((value: Record<string, unknown>) => void)[] = [
    (value) => value["policy"] = "another",
    (value) => value["status"] = "failed",
    (value) => Object.assign(Object(value["match"]), { matched: false }),
    (value) => Object.assign(Object(value["summary"])[0].accuracy, { after: 1 }),
    (value) => Object.assign(Object(value["cells"])[1].accuracy, { gain: 1 }),
    (value) => Array.isArray(value["cells"]) && value["cells"].pop(),
    (value) => value["schemaVersion"] = 1,
  ];
  for (const change of changes) {
    const folder = copy();
    edit(join(folder, "experiment.json"), change);
    const failed = await failures(folder);
    deepEqual(failed.map((line) => line.split(":")[0]), ["experiment.json"], String(change));
  }
});

Deno.test("verify() names a record that is changed, is gone, or is of another cell", async () => {
  const folder = copy(), path = join(folder, cell, "record.json");
  edit(path, (record) => Object(record["outcome"]).updates = 3);
  deepEqual((await failures(folder))[0], `${recordFile}: digest`);

  edit(path, (record) => delete record["policy"]);
  deepEqual((await failures(folder))[0], `${recordFile}: digest`);

  rmSync(path);
  const items = await verify(folder, { replay: 0 });
  ok(items.some(({ place, state }) => place === cell && state === "skipped"));
  ok(items.some(({ place, state }) => place === "experiment.json" && state === "failed"));

  cpSync(join(folder, "base/seed-3/record.json"), path);
  ok((await failures(folder)).some((line) => line.startsWith(recordFile)));
});

Deno.test("verify() names a record whose outcome was forged with its digests", async () => {
  const forgeries: readonly [string, (outcome: Outcome) => Outcome][] = [
    ["digest chain", (outcome) => ({ ...outcome, steps: sha256("") })],
    ["sums", (outcome) => ({ ...outcome, tokens: { ...outcome.tokens, completion: 1 } })],
    ["sums", (outcome) => ({ ...outcome, samplerTrainerGap: 0.5 })],
    ["collapses", (outcome) => ({ ...outcome, collapses: [{ kind: "entropy", step: 2 }] })],
    ["checkpoint rule", (outcome) => ({ ...outcome, evaluatedStep: 2 })],
    ["match proof", (outcome) => ({ ...outcome, asked: { ...outcome.asked, digest: sha256("") } })],
    ["match proof", (outcome) => ({ ...outcome, match: { ...outcome.match, order: sha256("") } })],
    ["match proof", (outcome) => ({ ...outcome, match: { ...outcome.match, weights: sha256("") } })],
    ["digests and steps", (outcome) => ({ ...outcome, finalWeights: sha256("") })],
    ["last evaluation", (outcome) => ({
      ...outcome,
      evaluations: outcome.evaluations.map((one) => one.split === "test" ? { ...one, accuracy: 1 } : one),
    })],
  ];
  for (const [what, forge] of forgeries) {
    const folder = copy();
    await forgeOutcome(folder, forge);
    const failed = await failures(folder);
    ok(failed.some((line) => line.startsWith(cell) && line.endsWith(`: ${what}`)), `${what}: ${failed.join("; ")}`);
  }
  const folder = copy();
  await forgeRecord(
    folder,
    (record) => ({ ...record, config: { ...record.config, rl: { ...record.config["rl"]!, learningRate: 1e-5 } } }),
  );
  deepEqual(await failures(folder), [`${recordFile}: plan`]);
  const other = copy();
  await forgeRecord(other, (record) => ({ ...record, timing: { ...record.timing, updateSeconds: 0.5 } }));
  deepEqual(await failures(other), [`${recordFile}: sums`]);
});

Deno.test("verify() names cells that no longer match each other", async () => {
  const folder = copy();
  await forgeOutcome(folder, ({ match, ...outcome }) => ({
    ...outcome,
    match: { ...match, template: sha256("another") },
  }));
  ok((await failures(folder)).includes("plan.json: match of 2 finished cells"));
});

Deno.test("verify() names steps.jsonl where a line was changed, dropped, swapped or rewritten", async () => {
  const changes: readonly [string, (steps: StepRecord[]) => StepRecord[]][] = [
    ["digest chain", (steps) => steps.map((step) => step.step === 2 ? { ...step, loss: step.loss + 1e-9 } : step)],
    ["digest chain", (steps) => steps.slice(0, -1)],
    ["digest chain", ([first, second, ...rest]) => [second!, first!, ...rest]],
    ["digest chain", ([first, ...rest]) => [first!, first!, ...rest]],
  ];
  for (const [what, change] of changes) {
    const folder = copy();
    await editSteps(folder, change);
    equal((await failures(folder))[0], `${stepsFile}: ${what}`);
  }
  const folder = copy(), path = join(folder, stepsFile), text = readFileSync(path, "utf8");
  for (const changed of [text.replace(",", ", "), text + "\n", text.slice(0, -1), text.slice(0, -9), "garbage\n"]) {
    writeFileSync(path, changed);
    equal((await failures(folder))[0], `${stepsFile}: lines`);
  }
});

Deno.test("verify() names samples.jsonl where a completion, a grade, a question or a gold answer was changed", async () => {
  const changed = copy(), path = join(changed, samplesFile);
  writeFileSync(path, readFileSync(path, "utf8").replace("reasoning", "reasonings"));
  ok((await failures(changed)).includes(`${samplesFile}: digest`));

  const right = (sample: SampleRecord): SampleRecord => ({ ...sample, status: "correct" });
  const forgeries: readonly [string, (sample: SampleRecord) => SampleRecord][] = [
    ["grades", (sample) => ({ ...sample, completion: "" })],
    ["grades", (sample) => sample.status === "correct" ? { ...sample, status: "wrong" } : right(sample)],
    ["grades", (sample) => ({ ...sample, rewards: { ...sample.rewards, correctness: 0.5 } })],
    ["grades", (sample) => ({ ...sample, extracted: "1234" })],
    ["grades", (sample) => ({ ...sample, status: "truncated", tokens: 3 })],
    ["questions and gold answers", (sample) => ({ ...sample, question: `${sample.question} ` })],
    ["questions and gold answers", (sample) => ({ ...sample, id: "arithmetic-0" })],
    ["last evaluation", (sample) => ({ ...sample, tokens: sample.tokens + 1 })],
  ];
  for (const [what, forge] of forgeries) {
    const folder = copy();
    await forgeSamples(folder, forge);
    const failed = await failures(folder);
    ok(failed.some((line) => line.startsWith(cell) && line.endsWith(what)), `${what}: ${failed.join("; ")}`);
  }
});

Deno.test("verify() names the line and the field of a wrong grade", async () => {
  const folder = copy();
  await forgeSamples(folder, (sample) => ({ ...sample, extracted: "1234" }));
  const item = (await verify(folder, { replay: 0 })).find(({ what, state }) => what === "grades" && state === "failed");
  match(item!.reasons[0]!, /^line 2: extracted is "1234", must be ("\d+"|null)$/);
});

Deno.test("verify() names a checkpoint that is damaged, or of other steps", async () => {
  const folder = copy(), checkpoints = join(folder, cell, "checkpoints");
  const [first, last] = ["step-000002.checkpoint", "step-000004.checkpoint"].map((name) => join(checkpoints, name));
  const bytes = readFileSync(first!);
  bytes[bytes.length - 100]! ^= 1;
  writeFileSync(first!, bytes);
  deepEqual(await failures(folder), [`${cell}/checkpoints/step-000002.checkpoint: digests and steps`]);
  rmSync(first!);
  renameSync(last!, first!);
  deepEqual(await failures(folder), [`${cell}/checkpoints/step-000002.checkpoint: digests and steps`]);
});

Deno.test("verify() finds by replay what no digest shows: other weights, another memory, forged steps", async () => {
  const replay = `${cell}: replay: updates 3 to 4, from a checkpoint`;
  for (const name of ["weights", "second", "arm.range.exploit"]) {
    const folder = copy(), checkpoints = join(folder, cell, "checkpoints");
    const { sections } = await readCheckpoint(checkpoints, 2);
    const bytes = sections[name]!.slice();
    new Uint8Array(bytes.buffer)[6]! ^= 0x40;
    await writeCheckpoint(checkpoints, 2, { ...sections, [name]: bytes });
    deepEqual(await failures(folder), []);
    deepEqual(await failures(folder, {}), [replay], name);
  }
  const folder = copy();
  rmSync(join(folder, cell, "checkpoints", "step-000004.checkpoint"));
  await editSteps(folder, (steps) => steps.map((step) => step.step === 3 ? { ...step, loss: 0.25 } : step));
  const steps = await readSteps(join(folder, stepsFile));
  await forgeOutcome(folder, (outcome) => ({ ...outcome, steps: steps.reduce(stepChain, sha256("")) }));
  deepEqual(await failures(folder), []);
  const items = await verify(folder);
  match(items.at(-1)!.reasons[0]!, /^step 3\.loss is -?\d.*, must be 0\.25$/);
});

Deno.test("verify() checks the records and answers of a bundle, and names the cell that does not hold", async () => {
  const path = join(parent, "bundle.json"), place = "bundle.json, cells.1";
  const seal = async (folder: string, completions: boolean) =>
    writeFileSync(path, bundleText(toBundle(await readResults(folder), { completions })));
  await seal(original, false);
  const items = await verify(path);
  deepEqual(items.filter(({ state }) => state !== "ok"), []);
  ok(items.some((item) => item.place === place && item.what === "match proof"));
  ok(!items.some(({ what }) => what === "grades"));

  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace('"endedBy":"updates"', '"endedBy":"tokens"'));
  deepEqual(await failures(path), ["bundle.json: digests"]);

  await seal(original, true);
  ok((await verify(path)).some((item) => item.place === place && item.what === "grades" && item.state === "ok"));
  const folder = copy();
  await forgeSamples(folder, (sample) => ({ ...sample, extracted: "1234" }));
  await seal(folder, true);
  deepEqual(await failures(path), [`${place}: grades`]);
});

Deno.test("verify() names a bundle that leaves out a cell of its plan", async () => {
  const path = join(parent, "fewer.json"), { cells, experiment, ...rest } = await readResults(original);
  const [kept] = cells, fewer = { ...experiment, cells: [kept!.entry], summary: experiment.summary.slice(0, 1) };
  const results = { ...rest, cells: [kept!], experiment: { ...fewer, match: { ...fewer.match, cells: 1 } } };
  writeFileSync(path, bundleText(toBundle(results, { completions: true })));
  deepEqual(await failures(path), ["experiment.json: what follows from the records"]);
});

Deno.test("verify() names samples.jsonl where a drawn sample is of another question, missing, or told otherwise", async () => {
  const drawn = async (change: (samples: SampleRecord[]) => SampleRecord[]) => {
    const folder = copy(), path = join(folder, cell, "samples.jsonl");
    const lines = change(await readSamples(path)).map(recordLine).join("");
    writeFileSync(path, lines);
    await forgeOutcome(folder, (outcome) => ({ ...outcome, samples: sha256(lines) }));
    return (await failures(folder)).filter((line) => line.startsWith(cell)).map((line) => line.slice(cell.length + 1));
  };
  const samples = await readSamples(join(original, samplesFile)), { testItems, samples: k } = config.evaluation;
  equal(samples.length, testItems * (1 + k));
  deepEqual(samples.slice(testItems, testItems + k + 1).map(({ sample }) => sample), [1, 2, 3, 4, 1]);

  const [swapped, items] = [[...samples], "samples.jsonl: questions and gold answers"];
  [swapped[testItems], swapped[testItems + 1]] = [samples[testItems + 1]!, samples[testItems]!];
  deepEqual(await drawn(() => swapped), [items]);
  deepEqual(await drawn((all) => all.slice(0, testItems)), ["record.json: last evaluation"]);
  deepEqual(await drawn((all) => all.slice(0, -1)), ["record.json: last evaluation"]);
  deepEqual(
    await drawn((all) => all.map((one, i) => i === testItems ? { ...one, tokens: one.tokens + 1 } : one)),
    ["record.json: last evaluation"],
  );
});

Deno.test("verify() reads what earlier schema versions wrote, and says what they cannot prove", async () => {
  const stored = (path: string) => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));
  const older = await verify(stored("records-v2"));
  deepEqual(older.filter(({ state }) => state !== "ok"), []);
  const oldest = await verify(stored("records-v1/grpo/seed-0"), { replay: 0 });
  deepEqual(oldest.filter(({ state }) => state !== "ok").map(({ state, place, what }) => [state, place, what]), [
    ["skipped", "record.json", "plan"],
    ["skipped", "steps.jsonl", "digest chain"],
  ]);
  await rejects(verify(stored("records-v1")), /it has no plan\.json; schema version 1 had none/);
});

Deno.test("verify() names a policy whose files were changed", async () => {
  const path = join(policy, "tokenizer_config.json"), text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace("<|user|>{{", "<|user|> {{"));
  try {
    deepEqual(await failures(original), [
      `policy ${policy}: digests of files`,
      "base/seed-3/record.json: match proof",
      `${recordFile}: match proof`,
    ]);
  } finally {
    writeFileSync(path, text);
  }
});

Deno.test("verify() says what it cannot check, and refuses what is no results folder", async () => {
  const hidden = `${policy}-hidden`;
  renameSync(policy, hidden);
  try {
    const items = await verify(original);
    deepEqual(items.filter(({ state }) => state !== "ok").map(({ state, place }) => [state, place]), [
      ["skipped", `policy ${policy}`],
      ["skipped", cell],
    ]);
    deepEqual((await verify(original, { policy: hidden })).filter(({ state }) => state !== "ok"), []);
  } finally {
    renameSync(hidden, policy);
  }
  await rejects(verify(parent), /Cannot verify ".*": it holds neither plan\.json nor record\.json/);
  await rejects(verify(original, { cell: "grpo/3" }), /--cell grpo\/3: the cells are base\/3, memory-r\+\/3/);
});

Deno.test("verify prints a line for each file, exits with 1 where something failed, and --json tells all", async () => {
  const { log, error } = console;
  const run = async (...args: string[]) => {
    const printed = { stdout: "", stderr: "" };
    console.log = (text: unknown) => printed.stdout += `${text}\n`;
    console.error = (text: unknown) => printed.stderr += `${text}\n`;
    try {
      return { code: await main(["verify", ...args]), ...printed };
    } finally {
      Object.assign(console, { log, error });
    }
  };
  const well = await run(original, "--replay", "1");
  equal(well.code, 0);
  match(well.stdout, /^ok {6}plan\.json: digests$/m);
  match(well.stdout, /^ok {6}memory-r\+\/seed-3\/steps\.jsonl: lines, digest chain$/m);
  match(
    well.stdout,
    /^ok {6}memory-r\+\/seed-3: replay: update 3, from a checkpoint\n\n\d+ ok, 0 failed, 0 skipped\n$/m,
  );

  const folder = copy();
  await editSteps(folder, (steps) => steps.slice(1));
  const bad = await run(folder, "--replay", "0", "--json");
  equal(bad.code, 1);
  match(bad.stderr, /^FAILED {2}memory-r\+\/seed-3\/steps\.jsonl: digest chain: line 1 is step 2$/m);
  const value = parseJson(bad.stdout, "standard output");
  deepEqual(isObject(value) && [value.ok, Array.isArray(value.checks)], [false, true]);
  equal((await run(join(folder, "nothing"))).code, 2);
});

Deno.test("verify() grades and replays in the style that the plan names, in the experiment and in a cell that stands alone", async () => {
  const out = join(parent, "styled"), talkative = join(parent, "talkative");
  cpSync(policy, talkative, { recursive: true });
  const template =
    "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
  edit(join(talkative, "tokenizer_config.json"), (config) => config["chat_template"] = template); // with system messages
  const options = {
    task: "arithmetic",
    policy: talkative,
    arms: ["grpo"],
    seeds: [3],
    config,
    threads: 1,
    jobs: 1,
  } as const;
  const styled = await planExperiment({ ...options, prompt: "plain", grading: "lenient", out });
  equal((await runExperiment(styled)).record.status, "finished");
  const items = await verify(out);
  deepEqual(items.filter(({ state }) => state !== "ok"), []);
  equal(items.at(-1)?.what, "replay: updates 3 to 4, from a checkpoint");
  const { task, outcome } = await readCellRecord(join(out, "grpo/seed-3/record.json"));
  deepEqual([task.prompt, task.grading], ["plain", "lenient"]);
  const { tokenizer } = await readPolicy(talkative);
  const digest = ({ prompt, example }: Task) => {
    const { text, tokens } = tokenizer.chat(prompt(example.item));
    return sha256(text, "\n", tokens.join());
  };
  equal(outcome?.match.template, digest(styleTask(arithmetic, { prompt: "plain" })));
  notEqual(outcome?.match.template, digest(arithmetic));

  const alone = join(parent, "styled-alone");
  cpSync(join(out, "grpo/seed-3"), alone, { recursive: true });
  deepEqual(await failures(alone, {}), []);
  edit(join(out, "plan.json"), (plan) => plan["task"] = { ...Object(plan["task"]), grading: undefined });
  ok((await failures(out)).some((problem) => problem.startsWith("plan.json")));
  const strict = { ...styled.record.task };
  delete (strict as { grading?: string }).grading;
  const { digest: _, amendments: __, ...content } = styled.record;
  writeFileSync(join(out, "plan.json"), recordText(sealPlan({ ...content, task: strict })));
  const wrong = await failures(out);
  ok(wrong.some((problem) => problem.startsWith("grpo/seed-3/record.json: plan")), wrong.join("\n"));
  ok(wrong.some((problem) => problem === "grpo/seed-3/samples.jsonl: grades"), wrong.join("\n"));
});

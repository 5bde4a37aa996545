import { deepEqual, equal, match } from "node:assert/strict";
import type { Results } from "../../harness/records/results.ts";
import { untrainedProblem } from "../../harness/report/compare/comparable.ts";
import { machineText } from "../../harness/report/compare/machine.ts";
import { compareResults, type Tier } from "../../harness/report/compare/compare_results.ts";
import { sealPlan } from "../../harness/records/plan_schema.ts";
import { fakeEvaluation } from "../fakes/records.ts";
import { changeResults, type GateChanges, gateResults, mapCells } from "./gate_results.ts";

const compare = (candidate: Results, baseline: Results, tier: Tier = "auto", margin = 0.02) =>
  compareResults(candidate, baseline, { margin, tier });
const base = gateResults({ grpo: [40, 42, 44], mine: [50, 52, 54] });
const problemsOf = (candidate: Results, baseline = base) => compare(candidate, baseline).problems.join("\n");

Deno.test("compareResults() passes the same bytes by the exact tier, and names no partnerless thing", () => {
  const report = compare(gateResults({ grpo: [40, 42, 44], mine: [50, 52, 54] }), base);
  deepEqual([report.verdict, report.tier, report.problems, report.unpaired], ["pass", "exact", [], []]);
  deepEqual(report.arms.map(({ arm, verdict, judged }) => [arm, verdict, judged?.effect.value]), [
    ["grpo", "pass", 0],
    ["mine", "pass", 0],
  ]);
  match(report.tierReason, /all 6 shared cells/);
});

Deno.test("compareResults() finds a drop in one arm of two, and says so of that arm", () => {
  const report = compare(gateResults({ grpo: [40, 42, 44], mine: [10, 11, 12] }), base);
  deepEqual([report.verdict, report.tier], ["regress", "statistical"]);
  deepEqual(report.arms.map(({ arm, verdict }) => [arm, verdict]), [["grpo", "pass"], ["mine", "regress"]]);
  match(report.tierReason, /3 of 6 shared cells are not bit-identical, e\.g\. mine seed 0 from evaluations on/);
  const { judged } = report.arms[1]!;
  equal(Math.abs(judged!.effect.value + (50 + 52 + 54 - 33) / 3 / 64) < 1e-12, true);
});

Deno.test("compareResults() calls a difference that chance could make underpowered, not a pass", () => {
  const report = compare(gateResults({ grpo: [40, 42, 44], mine: [49, 53, 52] }), base);
  deepEqual([report.verdict, report.arms[1]?.verdict], ["underpowered", "underpowered"]);
  equal(report.arms[1]!.judged!.detectable! > 0.02, true);
});

Deno.test("compareResults() decides nothing from one seed", () => {
  const report = compare(gateResults({ grpo: [10] }), gateResults({ grpo: [40] }));
  equal(report.verdict, "underpowered");
  match(report.arms[0]!.reasons.join("\n"), /one seed decides nothing/);
  match(report.arms[0]!.reasons.join("\n"), /in the baseline alone \d+: McNemar/);
  match(report.notes.join("\n"), /one seed/);
});

Deno.test("compareResults() flags what is too good", () => {
  const report = compare(gateResults({ grpo: [64, 64, 64], mine: [50, 52, 54] }), base);
  deepEqual([report.verdict, report.arms.map(({ judged }) => judged?.tooGood)], ["pass", [true, false]]);
});

// *** tiers ***

const outcomeOf = (change: NonNullable<GateChanges["outcome"]>, environment = {}) =>
  changeResults(base, { outcome: change, environment });
/** The same answers by other bits: what a change of float order does. */
const otherBits = (environment = {}) => outcomeOf((outcome) => ({ ...outcome, steps: "0".repeat(64) }), environment);

Deno.test("compareResults() decides by statistics where bits differ, and calls it a regression if exactness is asked", () => {
  const auto = compare(otherBits(), base);
  deepEqual([auto.verdict, auto.tier], ["pass", "statistical"]);
  match(auto.tierReason, /the same kind of machine, but 6 of 6 .* from steps on/);
  const exact = compare(otherBits(), base, "exact");
  deepEqual([exact.verdict, exact.tier, exact.arms[0]?.verdict], ["regress", "exact", "regress"]);
  match(exact.arms[0]!.reasons[0]!, /seed 0 is not bit-identical: the first to differ is steps/);
  equal(compare(base, base, "statistical").tier, "statistical");
});

Deno.test("compareResults() asks the exact tier for the baseline's kind of machine, unless the bytes are the same", () => {
  const elsewhere = compare(otherBits({ cpu: "Slow 1" }), base, "exact");
  equal(elsewhere.verdict, "not comparable");
  match(elsewhere.problems[0]!, /needs the baseline's kind of machine: Slow 1 x64, cpu, onnxruntime 1\.30\.0, in the/);
  equal(compare(changeResults(base, { environment: { cpu: "Slow 1" } }), base, "exact").verdict, "pass");
  const auto = compare(otherBits({ onnxruntime: "1.31.0" }), base);
  deepEqual([auto.verdict, auto.tier], ["pass", "statistical"]);
  match(auto.tierReason, /another kind of machine/);
});

Deno.test("compareResults() compares a GPU's results statistically, not bit for bit, unless the bytes are the same", () => {
  const accelerator = { provider: "cuda", adapter: "NVIDIA H100", driver: "580.65", index: 0 };
  const gpu = { device: "cuda", accelerator, precision: "float32" as const };
  const before = changeResults(base, { environment: gpu }), after = otherBits(gpu);
  const exact = compare(after, before, "exact");
  equal(exact.verdict, "not comparable");
  match(exact.problems[0]!, /^cuda results are compared statistically, not bit for bit$/);
  const auto = compare(after, before);
  deepEqual([auto.verdict, auto.tier], ["pass", "statistical"]);
  match(auto.tierReason, /cuda results are compared statistically, not bit for bit/);
  equal(compare(before, before, "exact").verdict, "pass");
  const other = { ...gpu, accelerator: { ...accelerator, index: 3 } },
    card = { ...gpu, accelerator: { ...accelerator, adapter: "T4" } };
  const [one, same, another] = [gpu, other, card].map((environment) =>
    machineText(changeResults(base, { environment }).cells[0]!.record!)
  );
  match(one!, /, cuda \(NVIDIA H100, driver 580\.65\), onnxruntime/);
  equal(one, same);
  equal(one === another, false);
  equal(compare(after, base).verdict, "pass"); // the processor's baseline
});

Deno.test("compareResults() takes other detector thresholds for the same bytes", () => {
  const collapse = { ...base.experiment.config["collapse"], flatFor: 7 };
  const config = { ...base.experiment.config, collapse };
  const changed = changeResults(base, {
    record: (record) => ({ ...record, config }),
    outcome: (outcome) => ({
      ...outcome,
      collapses: [{ kind: "entropy", step: 3 }],
      match: { ...outcome.match, config: "1".repeat(64) },
    }),
  });
  const report = compare({ ...changed, experiment: { ...changed.experiment, config } }, base, "exact");
  deepEqual([report.verdict, report.problems], ["pass", []]);
  match(report.notes.join("\n"), /cannot move a score: collapse\.flatFor: 7, in the baseline 100/);
});

// *** not comparable ***

const experimentOf = (change: Partial<Results["experiment"]>): Results => ({
  ...base,
  experiment: { ...base.experiment, ...change },
});
const digestOf = (field: "weights" | "template" | "items") =>
  outcomeOf((outcome) => ({ ...outcome, match: { ...outcome.match, [field]: "2".repeat(64) } }));

Deno.test("compareResults() names the digest that differs", () => {
  const { task } = base.experiment;
  match(problemsOf(experimentOf({ task: { ...task, name: "other" } })), /^task: other, in the baseline arithmetic$/);
  match(problemsOf(experimentOf({ task: { ...task, version: 9 } })), /^task version: 9, in the baseline 1$/);
  match(problemsOf(experimentOf({ task: { ...task, data: "3".repeat(64) } })), /^task data: 333333333333…, in the/);
  match(problemsOf(experimentOf({ task: { ...task, prompt: "plain" } })), /^prompt: plain, in the baseline paper$/);
  match(
    problemsOf(experimentOf({ task: { ...task, grading: "lenient" } })),
    /^grading: lenient, in the baseline strict$/,
  );
  match(problemsOf(digestOf("template")), /^prompt template of all shared cells differ$/);
  match(problemsOf(digestOf("items")), /^evaluated questions of all shared cells differ$/);
  match(problemsOf(digestOf("weights")), /^initial weights of all shared cells differ \(policy embedded, in the/);
  const one = outcomeOf((outcome, arm, seed) =>
    arm === "mine" && seed === 1 ? { ...outcome, match: { ...outcome.match, items: "2".repeat(64) } } : outcome
  );
  match(problemsOf(one), /^evaluated questions of 1 of 6 shared cells, e\.g\. mine seed 1, differ$/);
});

Deno.test("compareResults() names the fields of the config that matter, and lets those be that do not", () => {
  const set = (group: string, fields: Record<string, number | string>) =>
    experimentOf({
      config: { ...base.experiment.config, [group]: { ...base.experiment.config[group], ...fields } },
    });
  match(problemsOf(set("rl", { updates: 7 })), /^rl\.updates: 7, in the baseline 120$/);
  match(problemsOf(set("rl", { learningRate: 1, temperature: 2 })), /^rl\.learningRate: 1, .*\nrl\.temperature: 2, /);
  match(problemsOf(set("evaluation", { checkpoint: "best" })), /^evaluation\.checkpoint: best, in the baseline last$/);
  match(problemsOf(set("evaluation", { testItems: 9 })), /^evaluation\.testItems: 9/);
  const harmless = { batch: 1, every: 3, validationItems: 9, samples: 4 };
  equal(problemsOf(set("evaluation", harmless)), "");
  match(compare(set("evaluation", harmless), base).notes.join("\n"), /cannot move a score: evaluation\.batch: 1/);
  const { klBeta: _, ...rl } = base.experiment.config["rl"]!;
  equal(
    problemsOf(experimentOf({ config: { ...base.experiment.config, rl } })),
    "",
    "a field from before it was there",
  );
});

Deno.test("compareResults() calls an arm with other fields of its own not comparable, and that arm alone", () => {
  const changed = changeResults(base, {
    record: (record) =>
      record.arm === "mine"
        ? { ...record, config: { ...record.config, memory: { ...record.config["memory"], values: 3 } } }
        : record,
  });
  const { verdict, problems, arms } = compare(changed, base);
  deepEqual([verdict, problems, arms.map((arm) => arm.verdict)], ["not comparable", [], ["pass", "not comparable"]]);
  match(arms[1]!.reasons[0]!, /^memory\.values: 3, in the baseline 100$/);
});

Deno.test("compareResults() lets what the same sweep chose differ", () => {
  const swept = (learningRate: number) => {
    const { digest: _, amendments: __, ...plan } = base.plan!;
    const sweep = { field: "rl.learningRate", values: [1, 2], seeds: [1000], rule: "the best" };
    const record: GateChanges["record"] = (one) => ({
      ...one,
      config: { ...one.config, rl: { ...one.config["rl"], learningRate } },
    });
    return { ...changeResults(base, { record }), plan: sealPlan({ ...plan, sweep }) };
  };
  const report = compare(swept(1), swept(0.5));
  equal(report.verdict, "pass");
  match(report.notes.join("\n"), /rl\.learningRate was tuned in both/);
  equal(compare(swept(1), base).verdict, "not comparable");
});

Deno.test("compareResults() needs an arm, a seed and a finished cell in common, and records with a plan", () => {
  match(problemsOf(gateResults({ other: [1, 2, 3] })), /^no arm in common: other, in the baseline grpo, mine$/);
  const later = mapCells(base, (cell) => ({ ...cell, entry: { ...cell.entry, seed: cell.entry.seed + 7 } }));
  match(problemsOf(later), /^no seed in common: 7, 8, 9, in the baseline 0, 1, 2$/);
  const failed = mapCells(base, (cell) => ({ ...cell, entry: { ...cell.entry, status: "failed" } }));
  match(problemsOf(failed), /^no cell that both have finished$/);
  match(problemsOf({ ...base, plan: null }), /candidate "results\/fake" is of schema version 1/);
  equal(compare(later, base).verdict, "not comparable");
});

Deno.test("compareResults() finds a grader that changed by the untrained policy's score", () => {
  const lax = outcomeOf((outcome) => {
    const [validation, , ...others] = outcome.evaluations;
    return { ...outcome, evaluations: [validation!, fakeEvaluation(0, 1, 64), ...others] };
  });
  const report = compare(lax, base);
  equal(report.verdict, "not comparable");
  equal(
    report.problems.join("\n"),
    "the untrained policy scores 100.0 % (64 of 64), in the baseline 0.0 % (0 of 64), with the same weights and " +
      "questions: the grader, the prompt or the decoding changed",
  );
});

Deno.test("untrainedProblem() asks for the same counts, rewards and lengths on the same machine", () => {
  const one = fakeEvaluation(0, 0.5, 512), more = fakeEvaluation(0, 0.5 + 1 / 512, 512);
  equal(untrainedProblem(one, { ...one, step: 0 }, true), null);
  match(untrainedProblem(more, one, true) ?? "", /50\.2 % \(257 of 512\), in the baseline 50\.0 % \(256 of 512\)/);
  match(untrainedProblem({ ...one, completionLength: 9 }, one, true) ?? "", /have 9 tokens, in the baseline 12\.5/);
  const paid = { ...one, rewards: { ...one.rewards, format: 0.75 } };
  match(untrainedProblem(paid, one, true) ?? "", /earns 0\.75 of "format", in the baseline 0\.5/);
  const torn = { ...one, statuses: { ...one.statuses, wrong: 255, unparseable: 1 } };
  match(untrainedProblem(torn, one, true) ?? "", /255 answers graded "wrong", in the baseline 256/);
});

Deno.test("untrainedProblem() lets floats turn a few answers on another machine, and no more", () => {
  const at = (correct: number, n = 512) => fakeEvaluation(0, correct / n, n), baseline = at(256);
  // If each answer turned with probability 0.02, more than 25 of 512 would come less than once in 10,000 times.
  equal(untrainedProblem(at(266), baseline, false), null);
  equal(untrainedProblem(at(276), baseline, false), null);
  match(untrainedProblem(at(290), baseline, false) ?? "", /grader, the prompt or the decoding changed/);
  equal(untrainedProblem({ ...baseline, completionLength: 9 }, baseline, false), null);
  equal(untrainedProblem(at(17, 32), at(16, 32), false), null);
  match(untrainedProblem(at(32, 32), at(12, 32), false) ?? "", /100\.0 % \(32 of 32\)/);
  match(untrainedProblem({ ...baseline, rewards: { other: 1 } }, baseline, false) ?? "", /gives the rewards other/);
});

// *** what has no partner ***

Deno.test("compareResults() names cells that failed or are missing, and passes no arm that failed", () => {
  const failed = mapCells(
    base,
    (cell) =>
      cell.entry.arm === "mine" && cell.entry.seed === 1
        ? { ...cell, entry: { ...cell.entry, status: "failed", failure: "the loss is NaN" } }
        : cell,
  );
  const { verdict, unpaired, arms } = compare(failed, base);
  deepEqual([verdict, unpaired], ["underpowered", ["mine seed 1: failed in the candidate"]]);
  deepEqual(arms.map((arm) => arm.verdict), ["pass", "underpowered"]);
  deepEqual(arms[1]!.reasons, ["seed 1 failed: the loss is NaN"]);
  deepEqual(arms[1]!.judged!.seeds, [0, 2]);

  const cut = mapCells(
    base,
    (cell) => cell.entry.seed === 2 ? { ...cell, entry: { ...cell.entry, status: "interrupted" }, record: null } : cell,
  );
  const unfinished = compare(cut, base);
  deepEqual([unfinished.verdict, unfinished.unpaired], [
    "pass",
    ["grpo seed 2: interrupted in the candidate", "mine seed 2: interrupted in the candidate"],
  ]);
});

Deno.test("compareResults() passes no arm of which nothing has finished", () => {
  const cut = mapCells(
    base,
    (cell) =>
      cell.entry.arm === "mine" ? { ...cell, entry: { ...cell.entry, status: "interrupted" }, record: null } : cell,
  );
  const { verdict, tier, arms } = compare(cut, base);
  deepEqual([verdict, tier], ["underpowered", "exact"]);
  deepEqual(arms.map(({ verdict, judged }) => [verdict, judged === null]), [["pass", false], ["underpowered", true]]);
  match(arms[1]!.reasons.join(), /no cell that both have finished/);
});

Deno.test("compareResults() lists arms and seeds that only one side has", () => {
  const more = gateResults({ grpo: [40, 42, 44, 46], other: [1] });
  deepEqual(compare(more, base).unpaired, [
    "mine: not in the candidate",
    "grpo seed 3: not in the baseline",
    "other: not in the baseline",
  ]);
  equal(compare(more, base).verdict, "pass");
});

Deno.test("compareResults() lists questions that one side lacks, and leaves them out of both", () => {
  const fewer = mapCells(otherBits(), (cell) => ({ ...cell, answers: cell.answers!.slice(2) }));
  const { unpaired, arms } = compare(fewer, base);
  deepEqual(unpaired, [
    "grpo: 2 questions not in the candidate, left out of both: q0, q1",
    "mine: 2 questions not in the candidate, left out of both: q0, q1",
  ]);
  deepEqual(arms.map(({ judged }) => judged?.items), [62, 62]);
});

Deno.test("compareResults() compares one number a cell where answers were not kept", () => {
  const bare = mapCells(gateResults({ grpo: [40, 42, 44], mine: [1, 2, 4] }), (cell) => ({ ...cell, answers: null }));
  const report = compare(bare, base);
  deepEqual(report.arms.map(({ verdict, judged }) => [verdict, judged?.items]), [["pass", 1], ["regress", 1]]);
  match(report.notes.join("\n"), /answers were not kept on both sides/);
});

Deno.test("compareResults() tells what else changed", () => {
  const { digest: _, amendments: __, ...plan } = base.plan!;
  const moved = {
    ...changeResults(base, {
      outcome: (outcome) => ({ ...outcome, match: { ...outcome.match, order: "4".repeat(64) } }),
    }),
    plan: sealPlan({
      ...plan,
      task: { ...plan.task, file: "5".repeat(64) },
      arms: plan.arms.map((arm) => ({ ...arm, file: "6".repeat(64) })),
    }),
  };
  const notes = compare(moved, base).notes.join("\n");
  match(notes, /mine is defined by another file/);
  match(notes, /the task is defined by another file/);
  match(notes, /the same seeds ask other questions in training/);
});

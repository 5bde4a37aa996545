import { deepEqual, equal, match, throws } from "node:assert/strict";
import { pairScores } from "../../harness/stats/scores.ts";
import { judgeArms, type PairedArm, worstVerdict } from "../../harness/stats/verdict.ts";

/** An arm from [seeds][items] of both sides. */
function arm(
  name: string,
  candidate: readonly (readonly number[])[],
  baseline: readonly (readonly number[])[],
  fixed = false,
): PairedArm {
  const scores = (values: readonly (readonly number[])[]) => ({
    seeds: values.map((_, seed) => seed),
    items: values[0]!.map((_, item) => `q${item}`),
    values: values.map((run) => Float64Array.from(run)),
  });
  return { arm: name, pairing: pairScores(scores(candidate), scores(baseline)), fixed };
}

/** n scores of which the first are 1. */
const first = (ones: number, n: number) => Array.from({ length: n }, (_, i) => i < ones ? 1 : 0);
/** n scores of which the last are 1. */
const last = (ones: number, n: number) => first(ones, n).toReversed();
const judge = (one: PairedArm, margin = 0.02) => judgeArms([one], margin)[0]!;
const near = (a: number, b: number, tolerance = 1e-4) => equal(Math.abs(a - b) < tolerance, true, `${a} is not ${b}`);

Deno.test("judgeArms() takes the p of one fixed run from McNemar, and Holm's correction over the arms", () => {
  // 10 right in the baseline alone, 1 in the candidate alone: p = 2 (C(11, 10) + C(11, 11)) / 2^11
  const drop = arm("a", [last(1, 100)], [first(10, 100)], true);
  const alone = judge(drop);
  deepEqual([alone.questions?.onlyCandidate, alone.questions?.onlyBaseline], [1, 10]);
  near(alone.effect.value, -0.09);
  near(alone.p, 24 / 2048, 1e-12);
  equal(alone.verdict, "regress");

  const same = arm("b", [first(50, 100)], [first(50, 100)], true);
  const [five] = judgeArms([drop, same, same, same, same], 0.02);
  near(five!.adjustedP, 5 * 24 / 2048, 1e-12);
  equal(five!.verdict, "underpowered");
});

Deno.test("judgeArms() passes identical scores, with any margin and one seed", () => {
  for (const margin of [0, 0.02]) {
    const verdict = judge(arm("a", [first(3, 9)], [first(3, 9)]), margin);
    deepEqual([verdict.verdict, verdict.effect.value, verdict.identical, verdict.p], ["pass", 0, true, 1]);
  }
});

Deno.test("judgeArms() decides nothing from one seed of a trained arm, in either direction", () => {
  equal(judge(arm("a", [first(0, 200)], [first(100, 200)])).verdict, "underpowered");
  const better = judge(arm("a", [first(200, 200)], [first(100, 200)]));
  deepEqual([better.verdict, better.tooGood], ["underpowered", false]);
  equal(judge(arm("a", [first(0, 200)], [first(100, 200)], true)).verdict, "regress");
});

Deno.test("judgeArms() passes a drop that is surely below the margin, and does not pass what may be above", () => {
  const n = 10_000, baseline = [0, 1, 2, 3].map(() => first(n / 2, n));
  const dropped = (by: number) => [0, 1, 2, 3].map((seed) => first(n / 2 - by - seed, n));
  const small = judge(arm("a", dropped(50), baseline)); // half a point, and a real one
  equal(small.verdict, "pass");
  equal(small.p < 0.05, true);
  const close = judge(arm("a", dropped(190), baseline)); // real, less than the margin, and its interval reaches it
  equal(close.p < 0.05 && close.effect.value > -0.02 && close.effect.lower < -0.02, true);
  equal(close.verdict, "underpowered");
  equal(judge(arm("a", dropped(400), baseline)).verdict, "regress");
});

Deno.test("judgeArms() counts a drop of just the margin as one", () => {
  const baseline = Array.from({ length: 5 }, () => first(60, 100));
  const candidate = Array.from({ length: 5 }, () => first(50, 100));
  equal(judge(arm("a", candidate, baseline), 0.1).verdict, "regress");
});

Deno.test("judgeArms() flags an interval above the margin as too good", () => {
  const baseline = Array.from({ length: 5 }, () => first(10, 100));
  const good = judge(arm("a", Array.from({ length: 5 }, () => first(90, 100)), baseline));
  deepEqual([good.verdict, good.tooGood], ["pass", true]);
  equal(judge(arm("a", baseline, baseline)).tooGood, false);
});

Deno.test("judgeArms() takes Student's p over the seeds where a cell is one number", () => {
  // differences -0.1, -0.2, -0.3: t = -0.2 / (0.1 / sqrt 3), 2 degrees of freedom: p = 1 - |t| / sqrt(2 + t^2)
  const { p, effect, detectable } = judge(arm("a", [[0.4], [0.3], [0.2]], [[0.5], [0.5], [0.5]]));
  near(p, 1 - Math.sqrt(12 / 14), 1e-9);
  near(effect.value, -0.2);
  equal(detectable !== null, true);
});

Deno.test("judgeArms() never takes a smaller p than the seeds allow, however many questions there are", () => {
  // Three seeds with the same mean difference by chance: the two-way p is tiny, for all variance is the questions'.
  const n = 2000, baseline = [0, 1, 2].map(() => first(n / 2, n));
  const shifted = [0, 1, 2].map((seed) =>
    first(n / 2, n).map((value, i) => value === 1 && i % 25 === seed * 3 ? 0 : value)
  );
  const { p, effect } = judge(arm("a", shifted, baseline));
  near(effect.value, -0.02);
  // The seeds' variance is not taken below the residual's, and Student's 2 degrees of freedom are all there are.
  equal(p > 1e-3 && p < 0.05, true, `${p}`);
});

Deno.test("judgeArms() cannot tell how sure one number a side is, or differences that are all alike", () => {
  for (const [candidate, baseline] of [[[[0.4]], [[0.5]]], [[[0.5]], [[0.5]]], [[[0.4], [0.4]], [[0.5], [0.5]]]]) {
    const { verdict, effect, detectable } = judge(arm("a", candidate!, baseline!));
    deepEqual([verdict, effect.lower, effect.upper, detectable], ["underpowered", -1, 1, null]);
    match(effect.note ?? "", /cannot be said/);
  }
});

Deno.test("judgeArms() refuses an arm without a pair", () => {
  const pairing = { seeds: [], items: [], a: [], b: [], unpaired: [] };
  throws(() => judgeArms([{ arm: "a", pairing, fixed: false }], 0.02), /nothing is paired/);
});

Deno.test("worstVerdict() ranks not comparable over regress over underpowered over pass", () => {
  equal(worstVerdict(["pass", "underpowered", "pass"]), "underpowered");
  equal(worstVerdict(["underpowered", "regress"]), "regress");
  equal(worstVerdict(["regress", "not comparable"]), "not comparable");
  equal(worstVerdict(["pass"]), "pass");
  equal(worstVerdict([]), "not comparable");
});

// What a study says, in words: the sentence at the top of a report. It says how sure it is, and takes no sides where the
// numbers do not.

import type { Comparison, Conclusion, Study } from "../stats/study.ts";

const METRICS = { accuracy: "test accuracy", passAtSamples: "share of test questions with a correct sample" };

/** What several come to, and which of them comes first. */
const MANY: Readonly<Record<Conclusion, { readonly word: string; readonly order: (one: Comparison) => number }>> = {
  better: { word: "better", order: ({ effect }) => effect.value },
  worse: { word: "worse", order: ({ effect }) => -effect.value },
  same: { word: "no different by what matters", order: () => 0 },
  undecided: { word: "undecided", order: () => 0 },
};

/** More comparisons than this are told by their conclusion alone. */
const TOLD_APART = 3;

/** "10.7", "−0.3": percentage points. */
function points(share: number): string {
  const text = (100 * share).toFixed(1);
  return Number(text) === 0 ? "0.0" : text.replace("-", "−");
}

/** "+0.7", "−0.3" */
function signed(share: number): string {
  const text = points(share);
  return share > 0 && text !== "0.0" ? `+${text}` : text;
}

/** What a comparison comes to, in words: "memory-r+ is better than grpo by 10.7 points (95 % interval 8.2 to 13.3)". */
export function conclusionText({ arm, against, conclusion, effect }: Comparison, margin: number): string {
  const { value, lower, upper, level } = effect, interval = `${Math.round(100 * level)} % interval`;
  if (conclusion === "better" || conclusion === "worse") {
    const sides = conclusion === "better" ? [lower, upper] : [-upper, -lower];
    const [low, high] = sides.map(points);
    return `${arm} is ${conclusion} than ${against} by ${
      points(Math.abs(value))
    } points (${interval} ${low} to ${high})`;
  }
  const size = `${interval} ${signed(lower)} to ${signed(upper)}`;
  return conclusion === "same"
    ? `${arm} and ${against} differ by less than ${Number((100 * margin).toFixed(2))} points (${
      signed(value)
    }, ${size})`
    : `whether ${arm} and ${against} differ is undecided (${signed(value)} points, ${size})`;
}

/** The answer to what the plan asked, in one sentence. */
export function answerText({ arms, comparisons, metric, margin, against, matched }: Study): string {
  const registered = comparisons.filter((comparison) => comparison.registered);
  if (against === null) return "Nothing was to be compared: there is no arm to compare with.";
  if (registered.length === 0) {
    return arms.some(({ arm, seeds }) => arm !== against && seeds.length === 0)
      ? `Nothing can be compared with ${against} yet: no other arm has finished.`
      : `The plan compares nothing with ${against}.`;
  }
  const doubt = matched ? "" : " The cells are not matched, so that a difference may have other causes.";
  if (registered.length > TOLD_APART) return `${grouped(registered, margin, metric)}.${doubt}`;
  const samples = [...new Set(registered.map(sampleText))];
  const told = registered.map((comparison) =>
    conclusionText(comparison, margin) + (samples.length > 1 ? ` with ${sampleText(comparison)}` : "")
  );
  const where = samples.length === 1 ? `${METRICS[metric]} (${samples[0]})` : METRICS[metric];
  return `In ${where}, ${told.join("; ")}.${doubt}`;
}

/** "3 seeds, 256 questions" */
function sampleText({ seeds, items }: Comparison): string {
  const runs = seeds.length === 1 ? "1 seed" : `${seeds.length} seeds`;
  return items > 1 ? `${runs}, ${items} questions` : runs;
}

/** The first of many apart, the others by how many came to what. */
function grouped([first, ...others]: readonly Comparison[], margin: number, metric: Study["metric"]): string {
  const parts = Object.entries(MANY).flatMap(([conclusion, { word, order }]) => {
    const those = others.filter((one) => one.conclusion === conclusion).sort((a, b) => order(b) - order(a));
    const most = those[0];
    if (!most) return [];
    if (those.length <= TOLD_APART) return [`${those.length} ${word} (${those.map(({ arm }) => arm).join(", ")})`];
    if (conclusion === "better" || conclusion === "worse") {
      return [`${those.length} ${word} (most ${most.arm}, by ${points(Math.abs(most.effect.value))} points)`];
    }
    return [`${those.length} ${word}`];
  });
  const leading = first ? `${conclusionText(first, margin)}; of ` : "";
  return `In ${METRICS[metric]}, ${leading}${others.length} other arms compared, ${parts.join(", ")}`;
}

// Exploration by words, without an embedder: a bonus for completions that share few phrases with recent ones. The
// released code of Memory-R (arXiv 2504.02273) has such a class, which nothing calls and the paper does not mention:
//
//   R_lexical(a) = 1 - mean over the last 50 completions b of |S(a) and S(b)| / |S(a) or S(b)|
//
// Deviations: S is the set of word trigrams (words, numbers and other characters each on their own; a shorter text is one
// gram), there the set of words between spaces; the value is normalised by eq. 6 over the sliding window, there by the
// extremes of the similarity so far; before anything was seen the bonus is 0, there 1; weight, warm-up and annealing are
// those of the explore bonus. A step is scored before it enters the history; the class leaves that to its caller.

import { FailureError } from "../base/errors.ts";
import type { Arm } from "../contract.ts";
import { RangedBonus } from "./ranged_bonus.ts";
import { rememberedText } from "./remembered_text.ts";
import { sectionOf } from "./saved_sections.ts";

const historySize = 50;

/** The word trigrams of a text; never empty for a text that is not blank. */
export function trigrams(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(/\p{L}+|\p{N}+|[^\s\p{L}\p{N}]/gu) ?? [];
  const grams = Array.from({ length: Math.max(1, words.length - 2) }, (_, i) => words.slice(i, i + 3).join(" "));
  return new Set(grams);
}

/** Shared items over all items of two sets that are not both empty. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const item of a) if (b.has(item)) shared++;
  return shared / (a.size + b.size - shared);
}

/** The texts of a saved history. @throws FailureError where it is none */
function parseHistory(bytes: Uint8Array): readonly string[] {
  const refusal = new FailureError(
    'Cannot resume: section "lexical.history" of the checkpoint holds no list of texts … delete the checkpoint',
  );
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw refusal;
  }
  if (!Array.isArray(value)) throw refusal;
  return value.map((text: unknown) => {
    if (typeof text === "string") return text;
    throw refusal;
  });
}

/** GRPO with a bonus for phrases that were not used lately. */
export const exploreLexical: Arm = {
  name: "explore-lexical",
  summary: "exploration only: a bonus for sharing few word trigrams with recent completions",
  trains: true,
  overrides: {},
  shaper: ({ config: { memory } }) => {
    const bonus = new RangedBonus("lexical", "novelty", memory);
    let history: readonly { readonly text: string; readonly grams: ReadonlySet<string> }[] = [];
    const measure = (grams: ReadonlySet<string>): number | null => {
      if (history.length === 0) return null;
      return 1 - history.reduce((sum, past) => sum + jaccard(grams, past.grams), 0) / history.length;
    };
    const entry = (text: string) => ({ text, grams: trigrams(text) });
    return {
      shape(context) {
        const entries = context.groups.map(({ completions }) =>
          completions.map(({ text }) => {
            const remembered = rememberedText(text, memory.response);
            return remembered === null ? null : entry(remembered);
          })
        );
        const bonuses = entries.map((group) => [
          bonus.shape(context, group.map((one) => one === null ? null : measure(one.grams))),
        ]);
        history = [...history, ...entries.flat().filter((one) => one !== null)].slice(-historySize);
        return Promise.resolve(bonuses);
      },
      gauges: () => ({ "lexical.history": history.length }),
      save: () => ({
        ...bonus.save(),
        "lexical.history": new TextEncoder().encode(JSON.stringify(history.map(({ text }) => text))),
      }),
      load(sections) {
        bonus.load(sections);
        history = parseHistory(sectionOf(sections, "lexical.history")).map(entry);
        return Promise.resolve();
      },
    };
  },
};

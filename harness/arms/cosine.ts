// The length reward of Yeo et al., "Demystifying Long Chain-of-Thought Reasoning in LLMs", arXiv 2502.03373, in the form
// of the arm Cosine of Memory-R+ (arXiv 2504.02273, section 3). With a length n, a cap L and c = cos(pi n / L):
//
//   correct   0.5 + 0.25 (1 + c)     1 for none, 0.5 at the cap: short is better
//   wrong    -0.5 - 0.25 (1 + c)    -1 for none, -0.5 at the cap: long is better
//
// It is added to the task's rewards with weight 1; nothing is remembered. L is rl.maxCompletionTokens.
// Deviations: n counts tokens, the end-of-sequence token included. With cosine.unit=chars it counts characters against
// the same L, as the released code does: ordinary texts are longer than L characters then, and the reward swings back.
// The penalty for exceeding the cap and the one for repetition of arXiv 2502.03373 are left out, as released.

import type { Arm, Completion } from "../contract.ts";

/** The length reward of a completion of length n. */
export function cosineReward(n: number, cap: number, correct: boolean): number {
  const size = 0.5 + 0.25 * (1 + Math.cos(Math.PI * (n / cap)));
  return correct ? size : -size;
}

/** GRPO with a reward for the length of the completion. */
export const cosine: Arm = {
  name: "cosine",
  summary: "a reward for length: short where correct, long where wrong (Yeo et al.)",
  trains: true,
  overrides: {},
  shaper: ({ config: { rl, cosine: { unit } } }) => {
    const lengthOf = ({ tokens, text }: Completion) => unit === "tokens" ? tokens.length : [...text].length;
    return {
      shape: ({ groups }) =>
        Promise.resolve(groups.map(({ completions, grades }) => {
          const raw = completions.map(lengthOf);
          const values = raw.map((n, i) => cosineReward(n, rl.maxCompletionTokens, grades[i]!.rewards[0]! > 0.5));
          return [{ name: "cosine", raw, values }];
        })),
    };
  },
};

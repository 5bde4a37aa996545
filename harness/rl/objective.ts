// What each token of a batch contributes to the loss: its weight and its advantage. The loss variants differ in the
// weights alone (normaliser); the clipped objective and the KL penalty are the graph's (train_graph.ts).
//
//   grpo     mean over the tokens of a sequence, then over sequences (arXiv 2402.03300 eq. 3; TRL 0.14; Memory-R+)
//   dapo     mean over all tokens of the batch (arXiv 2503.14476 eq. 8)
//   dr_grpo  sum over tokens / (sequences * length cap): no length bias (arXiv 2503.20783)

import type { Config } from "../config.ts";
import type { Completion } from "../contract.ts";

/** Weight of every token of each completion, [completions]; a masked completion has weight 0 and is not counted. */
export function tokenWeights(
  completions: readonly Pick<Completion, "tokens" | "truncated">[],
  { loss, maskTruncated, maxCompletionTokens }: Pick<Config["rl"], "loss" | "maskTruncated" | "maxCompletionTokens">,
): Float64Array {
  const counted = completions.map(({ truncated }) => !(maskTruncated && truncated));
  const sequences = completions.length;
  const tokens = completions.reduce((sum, { tokens }, i) => sum + (counted[i] ? tokens.length : 0), 0);
  return Float64Array.from(completions, (completion, i) => {
    if (!counted[i]) return 0;
    switch (loss) {
      case "grpo":
        return 1 / (sequences * completion.tokens.length);
      case "dapo":
        return 1 / tokens;
      case "dr_grpo":
        return 1 / (sequences * maxCompletionTokens);
    }
  });
}

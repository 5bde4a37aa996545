// Grades a completion in the layout of rewards.ts against an answer in LaTeX.
//
// The rewards are those of Memory-R's AI-MO runs as far as rewards.ts has them: correctness and the layout. The integer
// reward is left out, since answers here are often no integers. One deviation: correctness compares by mathematics where
// the released code compares characters, so that the reward and the accuracy agree. An answer about which nothing is
// decided (same_answer.ts) is wrong in both.

import type { Grade, TaskItem } from "../../harness/contract.ts";
import { softFormatReward, strictFormatReward, tagCountReward } from "../rewards.ts";
import { extractAnswer, extractLeniently } from "./extract.ts";
import { sameAnswer } from "./same_answer.ts";

/** Reward components in the order of {@linkcode Grade.rewards}. */
export const mathRewardNames: readonly string[] = ["correctness", "strictFormat", "softFormat", "tagCount"];

/** Grades strictly: what is not in a closed <answer> is no answer. */
export function gradeMath(item: TaskItem, completion: string, truncated: boolean): Grade {
  return gradeExtracted(item, completion, truncated, extractAnswer(completion));
}

/** Grades whatever may be taken for the answer; the rewards for the layout are the same. */
export function gradeMathLeniently(item: TaskItem, completion: string, truncated: boolean): Grade {
  return gradeExtracted(item, completion, truncated, extractLeniently(completion));
}

function gradeExtracted(item: TaskItem, completion: string, truncated: boolean, extracted: string | null): Grade {
  const correct = extracted !== null && sameAnswer(item.gold, extracted, item.question) === "equal";
  const layout = [strictFormatReward(completion), softFormatReward(completion), tagCountReward(completion)];
  const rewards = [correct ? 1 : 0, ...layout];
  if (extracted === null) return { status: truncated ? "truncated" : "unparseable", extracted, rewards };
  return { status: correct ? "correct" : "wrong", extracted, rewards };
}

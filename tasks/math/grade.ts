// Grades a completion in the layout of rewards.ts against an answer in LaTeX.
//
// The rewards are those of Memory-R's AI-MO runs as far as rewards.ts has them: correctness and the layout. The integer
// reward is left out, since answers here are often no integers. One deviation: correctness compares by mathematics where
// the released code compares characters, so that the reward and the accuracy agree. An answer about which nothing is
// decided (same_answer.ts) is wrong in both.

import type { Grade, LenientGrade, TaskItem } from "../../harness/contract.ts";
import { softFormatReward, strictFormatReward, tagCountReward } from "../rewards.ts";
import { extractAnswer, extractLeniently } from "./extract.ts";
import { sameAnswer } from "./same_answer.ts";

/** Reward components in the order of {@linkcode Grade.rewards}. */
export const mathRewardNames: readonly string[] = ["correctness", "strictFormat", "softFormat", "tagCount"];

/** Grades strictly: what is not in a closed <answer> is no answer. */
export function gradeMath(item: TaskItem, completion: string, truncated: boolean): Grade {
  const verdict = judge(item, extractAnswer(completion), truncated);
  const layout = [strictFormatReward(completion), softFormatReward(completion), tagCountReward(completion)];
  return { ...verdict, rewards: [verdict.status === "correct" ? 1 : 0, ...layout] };
}

/** Grades whatever may be taken for the answer. */
export function gradeMathLeniently(item: TaskItem, completion: string, truncated: boolean): LenientGrade {
  return judge(item, extractLeniently(completion), truncated);
}

function judge({ gold, question }: TaskItem, extracted: string | null, truncated: boolean): LenientGrade {
  if (extracted === null) return { status: truncated ? "truncated" : "unparseable", extracted };
  return { status: sameAnswer(gold, extracted, question) === "equal" ? "correct" : "wrong", extracted };
}

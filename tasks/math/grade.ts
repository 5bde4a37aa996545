// Grades a completion in the layout of rewards.ts against an answer in LaTeX.
//
// The rewards are those of Memory-R's AI-MO runs as far as rewards.ts has them: correctness and the layout. The integer
// reward is left out, since answers here are often no integers. One deviation: correctness compares by mathematics where
// the released code compares characters, so that the reward and the accuracy agree. An answer about which nothing is
// decided (same_answer.ts) counts as wrong in both; where it was algebra that did not decide, its status is timeout.

import type { Grade, LenientGrade, TaskItem } from "../../harness/contract.ts";
import { softFormatReward, strictFormatReward, tagCountReward } from "../rewards.ts";
import { extractAnswer, extractLeniently } from "./extract.ts";
import { askEngine, type Decide, sameAnswer } from "./same_answer.ts";

/** Reward components in the order of {@linkcode Grade.rewards}. */
export const mathRewardNames: readonly string[] = ["correctness", "strictFormat", "softFormat", "tagCount"];

/** Grades strictly: what is not in a closed <answer> is no answer. */
export function gradeMath(item: TaskItem, completion: string, truncated: boolean, decide?: Decide): Grade {
  const verdict = judge(item, extractAnswer(completion), truncated, decide);
  const layout = [strictFormatReward(completion), softFormatReward(completion), tagCountReward(completion)];
  return { ...verdict, rewards: [verdict.status === "correct" ? 1 : 0, ...layout] };
}

/** Grades whatever may be taken for the answer. */
export function gradeMathLeniently(item: TaskItem, completion: string, truncated: boolean): LenientGrade {
  return judge(item, extractLeniently(completion, truncated), truncated);
}

function judge(
  { gold, question }: TaskItem,
  extracted: string | null,
  truncated: boolean,
  decide: Decide = askEngine,
): LenientGrade {
  if (extracted === null) return { status: truncated ? "truncated" : "unparseable", extracted };
  let undecided = false; // by algebra: what cannot be read is wrong
  const verdict = sameAnswer(gold, extracted, question, (a, b) => {
    const decided = decide(a, b);
    undecided ||= decided === "undecided";
    return decided;
  });
  if (verdict === "equal") return { status: "correct", extracted };
  return { status: verdict === "undecided" && undecided ? "timeout" : "wrong", extracted };
}

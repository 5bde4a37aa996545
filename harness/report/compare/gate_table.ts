// The rows that text and Markdown share: one for each arm, in percent and points.

import type { GateArm, GateReport } from "./gate_report.ts";

/** Headings and rows; the first two columns are text, the others numbers. Cells are not escaped. */
export function gateTable({ unit, arms }: GateReport): string[][] {
  const heading = [
    unit,
    "verdict",
    "baseline",
    "candidate",
    "effect",
    "95 % interval",
    "p",
    "detectable",
    "seeds",
    "questions",
  ];
  if (unit === "task") heading[8] = "runs";
  return [heading, ...arms.map(rowOf)];
}

function rowOf({ arm, verdict, judged }: GateArm): string[] {
  if (judged === null) return [arm, verdict, ...Array<string>(8).fill("")];
  const { baseline, candidate, effect, adjustedP, detectable, seeds, items, tooGood } = judged;
  return [
    arm,
    tooGood ? `${verdict}, too good` : verdict,
    (100 * baseline).toFixed(1),
    (100 * candidate).toFixed(1),
    points(effect.value),
    `${points(effect.lower)} to ${points(effect.upper)}`,
    pText(adjustedP),
    detectable === null ? "" : (100 * detectable).toFixed(1),
    String(seeds.length),
    String(items),
  ];
}

/** Percentage points with their sign: "+12.5", "0.0". */
export function points(share: number): string {
  const text = (100 * share).toFixed(1);
  if (Number(text) === 0) return "0.0";
  return share > 0 ? `+${text}` : text;
}

/** "0.031", "< 0.001" */
function pText(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

/** Below the table: what its columns mean. */
export function legend({ margin, unit, metric }: GateReport): string {
  return `Effects are candidate - baseline in points of ${metric}, the margin is ${plain(margin)}. ` +
    `p is of no effect, two-sided (the larger of the interval's and of Student's over the ${
      unit === "arm" ? "seeds" : "runs"
    }), after Holm's correction over the ${unit}s; ` +
    `detectable is the smallest effect that would be found with 80 % power among so many ${unit}s.`;
}

/** "2", "0.5" */
function plain(share: number): string {
  return String(Number((100 * share).toFixed(4)));
}

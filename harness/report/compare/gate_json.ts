// A verdict as one line of JSON, for programs. Shares are in [0, 1]; text is as it was, JSON's own escapes aside.

import { canonicalJson } from "../../base/canonical_json.ts";
import { EXIT_CODES, type GateReport, TOO_GOOD } from "./gate_report.ts";

/** The report as JSON, newline at its end. */
export function gateJson(report: GateReport): string {
  const arms = report.arms.map(({ arm, verdict, judged, reasons }) => ({
    arm,
    verdict,
    reasons,
    warning: judged?.tooGood ? TOO_GOOD : null,
    ...(judged && {
      candidate: judged.candidate,
      baseline: judged.baseline,
      effect: judged.effect,
      p: judged.p,
      adjustedP: judged.adjustedP,
      detectable: judged.detectable,
      identical: judged.identical,
      tooGood: judged.tooGood,
      seeds: judged.seeds,
      items: judged.items,
      questions: judged.questions,
    }),
  }));
  const { verdict, ...others } = report;
  const shown = { kind: "matchbox.verdict", schemaVersion: 1, exitCode: EXIT_CODES[verdict], verdict, ...others, arms };
  return canonicalJson(wellFormed(shown)).replace(INVISIBLE, escaped) + "\n";
}

/** What JSON may hold bare and a terminal should not: bidi overrides and their like. */
const INVISIBLE = /[\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u007f-\u009f]/gu;

/** The character as JSON's own escape, one for each of its UTF-16 units. */
function escaped(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}

/** Lone surrogates of foreign texts become U+FFFD: they have no UTF-8. */
function wellFormed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, inner) => typeof inner === "string" ? inner.toWellFormed() : inner);
}

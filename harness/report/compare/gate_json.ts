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
  return canonicalJson(
    wellFormed({ kind: "matchbox.verdict", schemaVersion: 1, exitCode: EXIT_CODES[verdict], verdict, ...others, arms }),
  ) + "\n";
}

/** Lone surrogates of foreign texts become U+FFFD: they have no UTF-8. */
function wellFormed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, inner) => typeof inner === "string" ? inner.toWellFormed() : inner);
}

// A verdict as Markdown, e.g. for $GITHUB_STEP_SUMMARY.

import { inMarkdown } from "./escape.ts";
import { type GateReport, meaningOf, TOO_GOOD } from "./gate_report.ts";
import { gateTable, legend } from "./gate_table.ts";

/** The report as Markdown, newline at its end. */
export function gateMarkdown(report: GateReport): string {
  const { verdict, tier, tierReason, candidate, baseline, problems, arms, unpaired, notes } = report;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const [heading = [], ...rows] = gateTable(report).map((cells) => cells.map(inMarkdown));
  const list = (title: string, texts: readonly string[]) =>
    texts.length === 0 ? [] : ["", `${title}:`, "", ...texts.map((text) => `- ${inMarkdown(text)}`)];
  const good = arms.filter(({ judged }) => judged?.tooGood).map(({ arm }) => `${arm} is ${TOO_GOOD}`);
  const reasons = arms.flatMap(({ arm, reasons }) => reasons.map((reason) => `${arm}: ${reason}`));
  return [
    `## Regression gate: ${verdict}`,
    "",
    `${capital(meaningOf(report))}. Tier: ${tier} (${inMarkdown(tierReason)}).`,
    "",
    `- candidate: ${inMarkdown(candidate.origin)} (${inMarkdown(candidate.made)})`,
    `- baseline: ${inMarkdown(baseline.origin)} (${inMarkdown(baseline.made)})`,
    ...list("Not comparable", problems),
    ...(rows.length === 0 ? [] : [
      "",
      line(heading),
      line(heading.map((_, i) => i < 2 ? "---" : "--:")),
      ...rows.map(line),
      "",
      inMarkdown(legend(report)),
    ]),
    ...list("Look closely", good),
    ...list("Why", reasons),
    ...list("Without a partner", unpaired),
    ...list("Notes", notes),
    "",
  ].join("\n");
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

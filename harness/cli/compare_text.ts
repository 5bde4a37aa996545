// A verdict, and a calibration, as people read them in a terminal.

import { visibleText } from "../base/visible_text.ts";
import { type GateReport, meaningOf, TOO_GOOD } from "../report/compare/gate_report.ts";
import { gateTable, legend } from "../report/compare/gate_table.ts";
import type { Calibration, Rates } from "../stats/calibrate.ts";
import { alignColumns, percent } from "./format.ts";

/** Text of others in a line of a terminal; longer ones are cut. */
const shown = (text: string) => visibleText(text, 300);

/** The report, newline at its end. */
export function compareText(report: GateReport): string {
  const { verdict, tier, tierReason, candidate, baseline, problems, arms, unpaired, notes } = report;
  const [heading = [], ...rows] = gateTable(report).map((cells) => cells.map(shown));
  const list = (title: string, texts: readonly string[]) =>
    texts.length === 0 ? [] : ["", `${title}:`, ...texts.map((text) => `  ${shown(text)}`)];
  return [
    `Candidate: ${shown(candidate.origin)} (${shown(candidate.made)})`,
    `Baseline:  ${shown(baseline.origin)} (${shown(baseline.made)})`,
    `Tier:      ${tier} (${shown(tierReason)})`,
    ...list("Not comparable", problems),
    ...(rows.length === 0 ? [] : ["", alignColumns([heading, [], ...rows], 2), "", legend(report)]),
    ...list("Look closely", arms.filter(({ judged }) => judged?.tooGood).map(({ arm }) => `${arm} is ${TOO_GOOD}`)),
    ...list("Why", arms.flatMap(({ arm, reasons }) => reasons.map((reason) => `${arm}: ${reason}`))),
    ...list("Without a partner", unpaired),
    ...list("Notes", notes),
    "",
    `Verdict: ${verdict} (${meaningOf(report)})`,
    "",
  ].join("\n");
}

/** The calibration, newline at its end. @param margin a share */
export function calibrationText({ trials, arms, left, falseAlarms, drops }: Calibration, margin: number): string {
  const verdicts = (rates: Rates) => [percent(rates.regress), percent(rates.underpowered), percent(rates.pass)];
  const all = (value: (rates: Rates) => number) => arms.reduce((sum, { alone }) => sum + value(alone), 0) / arms.length;
  const mean = {
    regress: all(({ regress }) => regress),
    underpowered: all(({ underpowered }) => underpowered),
    pass: all(({ pass }) => pass),
  };
  return [
    `${trials} trials, margin ${percent(margin)}: seeds split in two halves at random, questions drawn anew.`,
    "",
    "Nothing changed, each arm judged alone: regress is a false alarm",
    "",
    alignColumns([
      ["arm", "seeds a half", "questions", "regress", "underpowered", "pass"],
      [],
      ...arms.map(({ arm, seeds, items, alone }) => [shown(arm), `${seeds}`, `${items}`, ...verdicts(alone)]),
      [],
      ["mean", "", "", ...verdicts(mean)],
    ]),
    "",
    `All arms judged as one family: a false alarm in ${percent(falseAlarms)} of the trials (nominal: at most 5.0 %)`,
    "",
    "A drop planted into one arm, another one each trial, judged in the family of all",
    "",
    alignColumns([
      ["drop", "trials", "regress", "underpowered", "pass"],
      [],
      ...drops.map(({ drop, trials, found }) => [percent(drop), `${trials}`, ...verdicts(found)]),
    ]),
    ...(left.length === 0 ? [] : ["", `Left out, for they have one seed: ${left.map(shown).join(", ")}`]),
    "",
  ].join("\n");
}

// A verdict as JUnit XML, which CI systems draw: a test case for each arm. A regression is a failure, what cannot be
// compared an error, what is underpowered is skipped with its reason: nothing was shown either way.
// Format: https://github.com/testmoapp/junitxml

import { inXml } from "./escape.ts";
import { type GateArm, type GateReport, meaningOf, TOO_GOOD } from "./gate_report.ts";
import { points } from "./gate_table.ts";

/** The report as JUnit XML, newline at its end. */
export function gateJunit(report: GateReport): string {
  const { arms, problems, unpaired, notes } = report;
  const cases = problems.length > 0
    ? [testCase("comparable", [element("error", problems)])]
    : arms.map((arm) => armCase(arm, report));
  const count = (verdict: GateArm["verdict"]) =>
    problems.length > 0 ? 0 : arms.filter((arm) => arm.verdict === verdict).length;
  const errors = problems.length > 0 ? 1 : count("not comparable");
  const counts = `tests="${cases.length}" failures="${count("regress")}" errors="${errors}"`;
  const output = [
    `verdict: ${report.verdict} (${meaningOf(report)})`,
    `tier: ${report.tier} (${report.tierReason})`,
    `candidate: ${report.candidate.origin} (${report.candidate.made})`,
    `baseline: ${report.baseline.origin} (${report.baseline.made})`,
    ...unpaired.map((text) => `without a partner: ${text}`),
    ...notes.map((text) => `note: ${text}`),
  ];
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="matchbox compare" ${counts}>`,
    `  <testsuite name="${inXml(report.baseline.origin)}" ${counts} skipped="${count("underpowered")}">`,
    ...cases,
    `    <system-out>${output.map(inXml).join("\n")}</system-out>`,
    `  </testsuite>`,
    `</testsuites>`,
    "",
  ].join("\n");
}

function armCase({ arm, verdict, judged, reasons }: GateArm, { tier }: GateReport): string {
  const said = [...reasons, ...(judged ? [numbers(judged)] : [])];
  const good = judged?.tooGood ? [`      <system-out>${inXml(TOO_GOOD)}</system-out>`] : [];
  if (verdict === "pass") return testCase(arm, good);
  const name = { regress: "failure", underpowered: "skipped", "not comparable": "error" }[verdict];
  return testCase(arm, [element(name, [meaningOf({ verdict, tier }), ...said]), ...good]);
}

function numbers({ baseline, candidate, effect, adjustedP }: NonNullable<GateArm["judged"]>): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return `${percent(baseline)} -> ${percent(candidate)}, effect ${points(effect.value)} points ` +
    `(${points(effect.lower)} to ${points(effect.upper)}), p ${adjustedP.toPrecision(2)}`;
}

function testCase(name: string, inner: readonly string[]): string {
  const open = `    <testcase classname="compare" name="${inXml(name)}"`;
  return inner.length === 0 ? `${open}/>` : [`${open}>`, ...inner, "    </testcase>"].join("\n");
}

function element(name: string, texts: readonly string[]): string {
  return `      <${name} message="${texts.map(inXml).join("; ")}"/>`;
}

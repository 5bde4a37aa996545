import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { compareText } from "../../harness/cli/compare_text.ts";
import { compareResults } from "../../harness/report/compare/compare_results.ts";
import { inMarkdown, inXml } from "../../harness/report/compare/escape.ts";
import { gateJson } from "../../harness/report/compare/gate_json.ts";
import { gateJunit } from "../../harness/report/compare/gate_junit.ts";
import { gateMarkdown } from "../../harness/report/compare/gate_markdown.ts";
import type { GateReport } from "../../harness/report/compare/gate_report.ts";
import { gateResults, mapCells } from "./gate_results.ts";

const formats = { text: compareText, markdown: gateMarkdown, json: gateJson, junit: gateJunit };
const compare = (candidate: Parameters<typeof compareResults>[0]) =>
  compareResults(candidate, gateResults({ grpo: [40, 42, 44], mine: [10, 12, 14] }), { margin: 0.02, tier: "auto" });
const mixed = compare(gateResults({ grpo: [10, 11, 12], mine: [60, 62, 63] }));

Deno.test("every format shows verdict, effect, interval, margin, detectable, p, seeds, questions, and what is too good", () => {
  for (const [name, format] of Object.entries(formats)) {
    const text = format(mixed);
    match(text, /regress/, name);
    match(text, /too good/, name);
    match(text, /grader, the data split and leaks/, name);
  }
  const text = compareText(mixed);
  match(text, /^grpo +regress +65\.6 +17\.2 +-48\.4 +-\d+\.\d to -\d+\.\d +< 0\.\d+ +\d+\.\d +3 +64$/m);
  match(text, /the margin is 2\./);
  match(text, /^Verdict: regress \(a drop that is real and at least the margin\)$/m);
  const json = JSON.parse(gateJson(mixed));
  deepEqual([json.kind, json.exitCode, json.verdict, json.margin], ["matchbox.verdict", 1, "regress", 0.02]);
  const [{ arm, effect, adjustedP, detectable, seeds, items }] = json.arms;
  deepEqual([arm, effect.level, seeds, items], ["grpo", 0.95, [0, 1, 2], 64]);
  equal(effect.lower < effect.value && effect.value < effect.upper && adjustedP < 0.05 && detectable > 0, true);
  equal(gateJson(mixed).trimEnd().includes("\n"), false);
});

Deno.test("gateJunit() has a case for each arm, and counts failures, errors and what is skipped", () => {
  match(gateJunit(mixed), /<testsuite name="results\/fake" tests="2" failures="1" errors="0" skipped="0">/);
  match(gateJunit(mixed), /<testcase classname="compare" name="grpo">\n {6}<failure message="a drop that is real/);
  const unsure = compare(gateResults({ grpo: [41, 40, 45], mine: [10, 12, 14] }));
  match(gateJunit(unsure), /tests="2" failures="0" errors="0" skipped="1"/);
  match(gateJunit(unsure), /<testcase classname="compare" name="mine"\/>/);
  const other = compare(gateResults({ other: [1, 2, 3] }));
  match(gateJunit(other), /tests="1" failures="0" errors="1"[^]*<error message="no arm in common: other, in the/);
});

Deno.test("a report is the same bytes each time", () => {
  for (const format of Object.values(formats)) equal(format(mixed), format(mixed));
});

const hostile = "<script>alert(1)</script>|`*_[x](javascript:y)\u202e\u0000\u001b[31m\r\n# \"'&@me &lt; \ud800 ]]>";

Deno.test("hostile names and reasons stay text in every format", () => {
  const arm = (name: string) =>
    mapCells(gateResults({ grpo: [40, 42, 44] }), (cell) => ({
      ...cell,
      entry: { ...cell.entry, arm: name, failure: hostile },
    }));
  const candidate = mapCells(
    arm(hostile),
    (cell) => cell.entry.seed === 1 ? { ...cell, entry: { ...cell.entry, status: "failed" } } : cell,
  );
  const report = compareResults({ ...candidate, origin: hostile }, arm(hostile), { margin: 0.02, tier: "auto" });
  equal(report.verdict, "underpowered");
  for (const [name, format] of Object.entries(formats)) {
    const text = format(report);
    // deno-lint-ignore no-control-regex
    doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f\u202e]|\p{Cs}/u, name);
    if (name !== "json" && name !== "text") doesNotMatch(text, /<script/, name);
  }
  const markdown = gateMarkdown(report).split("\n");
  equal(markdown.filter((line) => line.startsWith("#")).length, 1);
  const bars = markdown.filter((line) => line.startsWith("|")).map((line) => line.split("|").length);
  equal(new Set(bars).size, 1, "every row has as many cells");
  doesNotMatch(markdown.join("\n"), /[`*[\]<>@]/);
  deepEqual(JSON.parse(gateJson(report)).arms[0].arm, hostile.toWellFormed());
  const xml = gateJunit(report).replace(
    /<\/?(\?xml|testsuites?|testcase|skipped|system-out)(\s+\w+="[^"<]*")*\s*[?/]?>/g,
    "",
  );
  doesNotMatch(xml, /[<>]/, "nothing but its own elements");
});

Deno.test("texts of a megabyte are cut, and what is invisible is shown", () => {
  const report: GateReport = { ...mixed, notes: ["x".repeat(1e6)], problems: ["y".repeat(1e6)] };
  for (const format of [compareText, gateMarkdown, gateJunit]) equal(format(report).length < 10_000, true);
  equal(inMarkdown("a|b<c>&#"), "a&#124;b&#60;c&#62;&#38;&#35;");
  equal(inXml(`"<&>'`), "&#34;&#60;&#38;&#62;&#39;");
});

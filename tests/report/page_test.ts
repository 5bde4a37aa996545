import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Results } from "../../harness/records/results.ts";
import { pageAssets } from "../../harness/report/page_assets.ts";
import { pageText } from "../../harness/report/page.ts";
import { answerText } from "../../harness/report/answer.ts";
import { studyOf } from "../../harness/stats/study.ts";
import { fakeResults } from "../fakes/results.ts";
import { changeResults } from "./gate_results.ts";
import { hostileResults, pageResults, withAnswers, withCells } from "./page_results.ts";

const assets = await pageAssets();
const pageOf = (...parts: readonly Results[]) => pageText(parts, assets);
/** Text that a reader sees: no scripts, no styles, no markup, no entities. */
const seen = (page: string) =>
  page.replace(/<(script|style)\b[^]*?<\/\1>/g, " ").replace(/<[^>]*>/g, " ").replace(/&lt;/g, "<").replace(
    /&gt;/g,
    ">",
  )
    .replace(/&#39;/g, "'").replace(/&quot;/g, '"').replace(/&amp;/g, "&").replace(/\s+/g, " ");
const all = (page: string, pattern: RegExp) => [...page.matchAll(pattern)].map(([, found = ""]) => found);
const page = pageOf(pageResults());

Deno.test("pageText() begins with the question, the answer and its verdicts; the rest is exploratory", () => {
  const text = seen(page), answer = answerText(studyOf(pageResults()));
  const places = [
    "Does remembers or pleases answer more held-out questions of arithmetic right than plain",
    answer,
    "Comparisons that the plan registered",
    "Exploratory",
    "Arms by measure",
    "Learning curves",
    "Paired differences",
    "Reward, part by part",
    "Completion lengths and collapses",
    "Memory: growth and hit rates",
    "Performance profiles",
    "Cost",
    "Questions and answers",
    "Provenance",
    "Match proof and environment",
    "How to reproduce",
  ].map((part) => {
    const place = text.lastIndexOf(part);
    ok(place >= 0, part);
    return place;
  });
  deepEqual(places, places.toSorted((a, b) => a - b));
});

Deno.test("pageText() is the same to the byte for the same records, and knows no clock and no path", () => {
  equal(pageOf(pageResults()), page);
  equal(pageOf({ ...pageResults(), origin: "elsewhere" }), page);
  match(page, /2026-01-02 03:04 UTC/);
});

Deno.test("pageText() names a GPU, its driver and precision, and says that it is compared statistically", () => {
  const accelerator = { provider: "cuda", adapter: "NVIDIA <H100>", driver: "580.65", index: 2 };
  const gpu = changeResults(pageResults(), { environment: { device: "cuda", accelerator, precision: "float32" } });
  const text = seen(pageOf({ ...gpu, experiment: { ...gpu.experiment, device: "cuda" } }));
  match(text, /on cuda: compared statistically, not bit for bit/);
  match(text, /accelerator NVIDIA <H100> , index 2 provider cuda, driver 580\.65 precision float32/);
  match(text, /Computed on cuda, results are compared statistically, not bit for bit/);
  const plain = seen(page);
  ok(!/statistically, not bit for bit|accelerator/.test(plain));
  match(plain, /the same command gives the same digests, to the bit/);
});

Deno.test("pageText() warns where reward rises and accuracy does not, and only there", () => {
  const [warned = "", ...more] = all(page, /<div class="warning">([^]*?<\/table>)/g).map(seen);
  equal(more.length, 0);
  match(warned, /Reward rises, held-out accuracy does not/);
  match(warned, /pleases 2 of 2 0 whole \+2\.70 0\.00 0\.0/);
  ok(!/remembers|plain/.test(warned));
});

Deno.test("pageText() tells how to read what is often misread", () => {
  const text = seen(page);
  for (const note of ["GRPO loss near 0 is normal", "KL", "group without variance", "overlap", "cannot go below 2/2"]) {
    ok(text.includes(note), note);
  }
});

Deno.test("pageText() keeps headings in order, ids unique, links whole, tables captioned, charts told in words", () => {
  const levels = all(page.replace(/<script\b[^]*?<\/script>/g, ""), /<h([1-6])\b/g).map(Number);
  equal(levels[0], 1);
  equal(levels.filter((level) => level === 1).length, 1);
  ok(levels.every((level, i) => i === 0 || level <= levels[i - 1]! + 1));
  const ids = all(
    page.replaceAll(/<script>[^]*?<\/script>/g, "").replaceAll(/<script type="module">[^]*?<\/script>/g, ""),
    /\bid="([^"]+)"/g,
  );
  equal(new Set(ids).size, ids.length);
  for (const target of all(page, /href="#([^"]+)"/g)) ok(ids.includes(target), target);
  for (const target of all(page, /aria-labelledby="([^"]+)"/g)) ok(ids.includes(target), target);
  const tables = all(page, /<table>([^]*?)<\/table>/g);
  ok(tables.length > 10);
  for (const table of tables) {
    match(table, /<caption><span>\S/);
    ok(!/<th(?![^>]*\bscope=)/.test(table.replaceAll("<thead", "")), table.slice(0, 200));
  }
  const canvases = all(page, /<canvas([^>]*)>/g);
  ok(canvases.length > 10);
  for (const canvas of canvases) match(canvas, /role="img"\s+aria-label="Line chart: [^"]+ from [^"]+"/);
  equal(all(page, /<figure[^>]*(data-chart)="/g).length, canvases.length);
});

Deno.test("pageText() forbids every connection and every script but its own", () => {
  const [policy = ""] = all(page, /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/g);
  match(policy, /^default-src &#39;none&#39;; script-src (&#39;sha256-[\w+/=]+&#39; ?){4}; style-src &#39;sha256-/);
  ok(!/connect-src|unsafe/.test(policy));
  const outside = page.replace(/<script\b[^]*?<\/script>/g, "");
  deepEqual(all(outside, /\b(?:src|href)="([^"#][^"]*)"/g), ["data:,"]);
  ok(!/\bstyle="|\bon\w+="|@import|url\(/.test(outside));
});

Deno.test("pageText() keeps hostile names, questions and completions text", () => {
  const hostile = pageOf(hostileResults()), tame = pageOf(pageResults());
  const tags = (text: string) => all(text, /<(script|img|svg|style)\b/g).filter((tag) => tag !== "svg").toSorted();
  const pieces = (text: string) => all(text, /id="(question-piece-\d+)"/g).length;
  equal(tags(hostile).length - pieces(hostile), tags(tame).length - pieces(tame));
  ok(!/\sonerror=|\sonload=/.test(hostile.replace(/<script\b[^]*?<\/script>/g, "").replace(/&[^;]*;/g, "")));
  equal(/(?!\n)\p{Cc}|(?!\u200d)\p{Cf}/u.exec(hostile.replace(assets.library, "")), null);
  ok(hostile.isWellFormed());
  ok(hostile.includes("[U+202E]gnp.exe"));
});

Deno.test("pageText() says what was not kept, not finished, or not there", () => {
  const bare = withCells(pageResults(), (cell) => ({ ...cell, steps: null, answers: null }));
  const without = seen(pageOf(bare));
  match(without, /Steps were not kept in these records/);
  match(without, /Answers were not kept in these records/);
  match(
    seen(pageOf(withAnswers(pageResults(), (answer) => ({ ...answer, said: null })))),
    /What was said was left out/,
  );
  const none = fakeResults({ scores: { plain: [[1]] } });
  match(seen(pageOf({ ...none, plan: null })), /arithmetic/);
  const halfway = withCells(pageResults(), (cell) =>
    cell.entry.seed === 0 ? cell : {
      entry: { ...cell.entry, status: "failed", failure: "the disk was full", digest: null, accuracy: null },
      record: null,
      steps: null,
      answers: null,
    });
  const text = seen(pageOf({ ...halfway, experiment: { ...halfway.experiment, status: "interrupted" } }));
  match(text, /3 of 6 finished, interrupted/);
  match(text, /3 of 6 cells did not finish/);
  match(text, /remembers seed 1: the disk was full/);
  const nothing = withCells(pageResults(), ({ entry }) => ({
    entry: { ...entry, status: "pending", digest: null, n: null, accuracy: null, reward: null },
    record: null,
    steps: null,
    answers: null,
  }));
  match(seen(pageOf(nothing)), /0 of 6 finished/);
});

Deno.test("pageText() of two results shows both commands, and the second's arms as added", () => {
  const more = withCells(pageResults(), (cell) => ({ ...cell, entry: { ...cell.entry, arm: `${cell.entry.arm}-2` } }));
  const arms = more.experiment.arms.map((arm) => ({ ...arm, name: `${arm.name}-2` }));
  const text = seen(
    pageOf(pageResults(), { ...more, experiment: { ...more.experiment, arms, command: ["bench", "it's"] } }),
  );
  match(text, /Results 2, added/);
  match(text, /deno task bench 'it'\\''s'/);
  equal(text.match(/added later/g)?.length, 3);
});

Deno.test("pageText() shows what was tuned, and what was chosen", () => {
  const results = pageResults(), { entry } = results.cells[0]!;
  const tried = [0.1, 0.2].map((value) => ({ value, accuracy: value, cells: [{ ...entry, accuracy: value }] }));
  const tuning = { field: "rl.learningRate", arms: [{ arm: "plain", tried, chosen: 0.2 }] };
  const text = seen(pageOf({ ...results, experiment: { ...results.experiment, tuning } }));
  match(text, /Greedy validation accuracy by rl\.learningRate.* plain 0\.2 10\.0 % 20\.0 %/);
  ok(!seen(page).includes("Tuning"));
});

Deno.test("pageText() says how soon arms get halfway, and what several tries would give where some were drawn", () => {
  const results = fakeResults({ scores: { grpo: [[1, 0], [1, 0]], other: [[1, 1], [1, 1]] } });
  const text = seen(pageOf(results));
  match(text, /How soon: up to 50\.0 %, .* grpo 2 of 2 10 – other 2 of 2 5 –/);
  ok(!text.includes("Several tries"));
  const cells = results.cells.map((cell) => {
    const [first] = cell.answers ?? [];
    const drawn = first ? [1, 2].map((sample) => ({ ...first, sample, status: "wrong" as const })) : [];
    return { ...cell, answers: [...cell.answers ?? [], ...drawn] };
  });
  match(
    seen(pageOf({ ...results, cells })),
    /Several tries .* pass@1 pass@2 maj@1 maj@2 grpo 0\.0 0\.0 100\.0 100\.0/,
  );
});

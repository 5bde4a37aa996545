// Measures the report of a large experiment: 20 arms x 10 seeds, 1,000 questions each, all with steps and texts.
//
//   deno run -A tests/peers/report_speed.ts [--keep FILE]
//
// It makes the results in memory, times the analysis, the page and its opening in chromium (until the first questions
// stand in the list), and prints one line each. Limits of the requirement: built in 10 s, opened in 2 s.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { Prng, stream } from "../../harness/base/prng.ts";
import type { GradeStatus, StepRecord } from "../../harness/contract.ts";
import type { Answer, Results } from "../../harness/records/results.ts";
import { pageAssets } from "../../harness/report/page_assets.ts";
import { pageText } from "../../harness/report/page.ts";
import { studyOf } from "../../harness/stats/study.ts";
import { fakeResults } from "../fakes/results.ts";
import { risingStep } from "../report/page_results.ts";

const ARMS = 20, SEEDS = 10, QUESTIONS = 1000, STEPS = 120;
const WORDS = "she keeps half of the 12 apples then buys 7 more boxes and gives 3 to Tom so that 45 are left in all"
  .split(" ");

function sentence(random: Prng, words: number): string {
  return Array.from({ length: words }, () => random.pick(WORDS)).join(" ");
}

const questions = Array.from({ length: QUESTIONS }, (_, i) => sentence(stream(1, "question", i), 30));

function answer(arm: number, seed: number, item: number): Answer {
  const random = stream(seed, "answer", arm, item), drawn = random.uniform();
  const status: GradeStatus = drawn < 0.5 + arm / 60
    ? "correct"
    : drawn < 0.95
    ? "wrong"
    : drawn < 0.98
    ? "unparseable"
    : "truncated";
  const text = `<reasoning>\n${sentence(random, 25)}\n</reasoning>\n<answer>\n${random.int(100)}\n</answer>\n`;
  const rewards = { correctness: status === "correct" ? 1 : 0, integer: 0.5, format: 0.5, tags: 0.5 };
  return {
    id: `question-${item}`,
    question: questions[item] ?? "",
    gold: String(item % 100),
    sample: 0,
    status,
    said: { completion: text, extracted: status === "unparseable" ? null : String(item), rewards, tokens: 40 },
  };
}

function step(arm: number, seed: number, i: number): StepRecord {
  const random = stream(seed, "step", arm, i), base = risingStep(i + 1, { steps: STEPS, memory: arm % 2 === 0 });
  return {
    ...base,
    loss: random.normal() * 1e-7,
    entropy: base.entropy + 0.1 * random.uniform(),
    gradientNorm: random.uniform(),
  };
}

function largeResults(): Results {
  const names = Array.from({ length: ARMS }, (_, i) => `arm-${i}`);
  const all = names.map((_, arm) =>
    Array.from({ length: SEEDS }, (_, seed) => questions.map((_, item) => answer(arm, seed, item)))
  );
  const right = (answers: Answer[]) => answers.map(({ status }) => status === "correct" ? 1 : 0);
  const results = fakeResults({
    scores: Object.fromEntries(names.map((name, arm) => [name, (all[arm] ?? []).map(right)])),
  });
  const cells = results.cells.map((cell, i) => {
    const arm = Math.floor(i / SEEDS), seed = i % SEEDS;
    const steps = Array.from({ length: STEPS }, (_, i) => step(arm, seed, i));
    return { ...cell, steps, answers: all[arm]?.[seed] ?? null };
  });
  return { ...results, cells };
}

function timed<T>(what: string, work: () => T): T {
  const start = performance.now(), value = work();
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(2)} s`);
  return value;
}

const results = largeResults(), assets = await pageAssets();
console.log(`${results.cells.length} cells x ${QUESTIONS} questions, ${STEPS} steps each`);
const study = timed("analysed", () => studyOf(results));
const text = timed("built, after the analysis", () => pageText([results], assets, study));
const folder = await Deno.makeTempDir(), [, keep] = Deno.args;
const path = keep ?? join(folder, "report.html");
await Deno.writeTextFile(path, text);
console.log(`size: ${((await Deno.stat(path)).size / 1e6).toFixed(2)} MB`);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (let i = 0; i < 3; i++) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } }), start = performance.now();
  await page.goto(pathToFileURL(path).href, { waitUntil: "load" });
  const loaded = performance.now();
  await page.locator("#questions > li").first().waitFor();
  const listed = performance.now();
  await page.locator("#questions > li summary").nth(20).click();
  await page.locator("#questions .card").first().waitFor();
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(2);
  console.log(
    `opened: ${seconds(start, loaded)} s, questions listed after ${seconds(start, listed)} s, ` +
      `one unpacked in ${seconds(listed, performance.now())} s more`,
  );
  await page.close();
}
await browser.close();
await Deno.remove(folder, { recursive: true });

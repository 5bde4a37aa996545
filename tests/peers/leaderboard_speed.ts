// How long a leaderboard of many entries takes to build, and its page to open.
//
//   deno run -A tests/peers/leaderboard_speed.ts
//   deno run -A tests/peers/leaderboard_speed.ts --entries 1000 --groups 20 --chromium /usr/bin/chromium
//
// Entries are made up: three arms, three seeds, 256 questions, bundles of 60 kB that nothing reads. All entries of a
// group are ranked against each other. Opening is the time until page.js has run and two frames were drawn.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { sha256 } from "../../harness/base/digest.ts";
import { stream } from "../../harness/base/prng.ts";
import type { LeaderboardEntry } from "../../harness/records/leaderboard_entry.ts";
import { buildSite } from "../../harness/report/leaderboard/build_site.ts";
import { entryText } from "../../harness/report/leaderboard/entry_files.ts";
import { entryId, entryOf } from "../../harness/report/leaderboard/entry_of.ts";
import { gradedResults, runs } from "../fakes/graded_results.ts";

const { values } = parseArgs({
  options: {
    entries: { type: "string", default: "1000" },
    groups: { type: "string", default: "20" },
    chromium: { type: "string" },
  },
});
const count = Number(values.entries), groups = Number(values.groups), questions = 256;

const verified = { digests: true, matched: true, answers: 2304, scores: true, gold: true, replay: false } as const;
const some = runs(3, questions, 100);
const model = entryOf(
  gradedResults({ scores: { grpo: some, "memory-r+": some, "explore-novelty": some } }),
  sha256("model"),
  { name: "model", note: null, link: null },
  verified,
);

/** Three arms that end near each other, some entries better than others. */
function madeUp(i: number): LeaderboardEntry {
  const bundle = sha256(`bundle ${i}`), random = stream(i, "speed"), skill = 0.3 + 0.5 * random.uniform();
  const run = () => Array.from({ length: questions }, () => random.uniform() < skill ? "1" : "0").join("");
  return {
    ...model,
    id: entryId(bundle),
    bundle,
    cells: sha256(`cells ${i}`),
    about: { name: `entry ${i}`, note: null, link: null },
    group: { ...model.group, weights: sha256(`policy ${i % groups}`) },
    policy: `policy-${i % groups}`,
    rows: model.rows.map((row) => ({ ...row, score: { ...row.score, value: skill }, runs: row.seeds.map(run) })),
  };
}

const folder = await Deno.makeTempDir();
try {
  const board = join(folder, "board"), out = join(folder, "site");
  for (let i = 0; i < count; i++) {
    const entry = madeUp(i), at = join(board, "entries", entry.id);
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "entry.json"), entryText(entry));
    writeFileSync(join(at, "bundle.json.gz"), new Uint8Array(60_000));
  }
  const begin = performance.now(), built = await buildSite(board, { out });
  const seconds = (performance.now() - begin) / 1000, { size } = Deno.statSync(join(out, "index.html"));
  console.log(
    `build: ${seconds.toFixed(2)} s for ${built.entries} entries, ${built.rows} rows in ${built.groups} groups`,
  );
  console.log(`index.html: ${(size / 1e6).toFixed(2)} MB`);
  if (values.chromium !== undefined) await open(join(out, "index.html"), values.chromium);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function open(path: string, executablePath: string): Promise<void> {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    const begin = performance.now();
    await page.goto(pathToFileURL(path).href, { waitUntil: "load" });
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    console.log(`open: ${((performance.now() - begin) / 1000).toFixed(2)} s`);
    const sort = performance.now();
    await page.click('th[data-key="score"] button');
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    console.log(`sort: ${((performance.now() - sort) / 1000).toFixed(2)} s`);
  } finally {
    await browser.close();
  }
}

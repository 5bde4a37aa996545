// The leaderboard as data and as pages: tiers against the study's and by hand, groups, hostile texts, equal bytes.

import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { LeaderboardEntry } from "../../harness/records/leaderboard_entry.ts";
import { readPapers } from "../../harness/records/papers.ts";
import { boardOf, budgetText, grouped } from "../../harness/report/leaderboard/board.ts";
import { boardCsv, boardJson } from "../../harness/report/leaderboard/board_data.ts";
import { boardPage } from "../../harness/report/leaderboard/board_page.ts";
import { entryId, entryOf } from "../../harness/report/leaderboard/entry_of.ts";
import { entryPage } from "../../harness/report/leaderboard/entry_page.ts";
import { groupTiers } from "../../harness/report/leaderboard/group_tiers.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { visibleText } from "../../harness/report/visible_text.ts";
import { tiersOf } from "../../harness/stats/tiers.ts";
import { gradedResults, runs } from "../fakes/graded_results.ts";

const verified = { digests: true, matched: true, answers: 60, scores: true, gold: true, replay: false } as const;
const about = { name: "mine", note: null, link: null };
const results = gradedResults({ scores: { grpo: runs(4, 40, 12), better: runs(4, 40, 34), alike: runs(4, 40, 13) } });

const model = entryOf(results, sha256("model"), about, verified);

/** An entry of the same runs under another id. */
function entry(id: string, change: Partial<LeaderboardEntry> = {}): LeaderboardEntry {
  const bundle = sha256(id);
  return { ...model, id: entryId(bundle), bundle, about: { ...about, name: id }, ...change };
}

const text = (run: readonly number[]) => run.join("");
const papers = await readPapers(fileURLToPath(new URL("../../baselines/papers", import.meta.url)));

Deno.test("groupTiers() equals tiersOf() for the arms of one experiment", () => {
  const arms = [12, 34, 13, 30, 5].map((right) => runs(4, 40, right));
  const expected = tiersOf(arms.map((values) => ({
    scores: {
      seeds: [0, 1, 2, 3],
      items: values[0]!.map((_, i) => `q${i}`),
      values: values.map((run) => Float64Array.from(run)),
    },
  })));
  deepEqual(groupTiers(arms.map((values) => ({ seeds: [0, 1, 2, 3], runs: values.map(text) }))), expected);
  ok(new Set(expected).size > 1);
});

Deno.test("groupTiers() ranks rows that share no seed, and leaves out one seed and rows without answers", () => {
  const high = runs(3, 60, 55).map(text), low = runs(3, 60, 10).map(text);
  deepEqual(
    groupTiers([
      { seeds: [0, 1, 2], runs: low },
      { seeds: [7, 8, 9], runs: high },
      { seeds: [0], runs: [high[0]!] },
      { seeds: [0, 1, 2], runs: null },
    ]),
    [2, 1, null, null],
  );
  deepEqual(groupTiers([]), []);
});

Deno.test("groupTiers() of a large group, with Bonferroni's correction, ends in the same two tiers", () => {
  const rows = Array.from(
    { length: 60 },
    (_, i) => ({ seeds: [0, 1, 2, 3, 4, 5, 6, 7], runs: runs(8, 80, i < 30 ? 70 : 10).map(text) }),
  );
  deepEqual(groupTiers(rows), rows.map((_, i) => i < 30 ? 1 : 2));
});

Deno.test("boardOf() ranks within a group alone, whatever the order of the entries", () => {
  const other = entry("b", { group: { ...entry("b").group, weights: sha256("another policy") } });
  const board = boardOf([entry("a"), other], []);
  equal(board.groups.length, 2);
  for (const { rows } of board.groups) {
    deepEqual(rows.map(({ row, tier }) => [row.arm, tier]), [["better", 1], ["alike", 2], ["grpo", 2]]);
  }
  const together = boardOf([entry("a"), entry("c")], []);
  equal(together.groups.length, 1);
  equal(together.groups[0]?.rows.length, 6);
  deepEqual(boardOf([other, entry("a")], []), board);
});

Deno.test("boardOf() tells in what the configs of a group's entries differ", () => {
  const config = entry("a").config, rl = { ...config["rl"], learningRate: 5e-7 };
  const { groups: [group] } = boardOf([entry("a"), entry("b", { config: { ...config, rl } })], []);
  deepEqual([...group?.settings.values() ?? []].flat().map(([field]) => field), ["rl.learningRate", "rl.learningRate"]);
  ok([...group?.settings.values() ?? []].flat().some(([, value]) => value === "5e-7"));
  deepEqual([...boardOf([entry("a")], []).groups[0]?.settings.values() ?? []], [[]]);
});

Deno.test("entryOf() has the study's numbers and the answers that they are made of", () => {
  const { rows, group, id, bundle } = entry("a");
  deepEqual(rows.map(({ arm, score }) => [arm, score.value]), [["grpo", 0.3], ["better", 0.85], ["alike", 0.325]]);
  deepEqual(rows[0]?.runs, runs(4, 40, 12).map(text));
  equal(rows[0]?.difference, null);
  equal(rows[1]?.difference?.conclusion, "better");
  ok(Math.abs((rows[1]?.difference?.effect.value ?? 0) - 0.55) < 1e-12);
  equal(group.questions, 40);
  equal(bundle.startsWith(id), true);
});

Deno.test("a board's page, JSON and CSV are the same bytes for the same entries", () => {
  const [one, other] = [boardOf([entry("a"), entry("b")], papers), boardOf([entry("b"), entry("a")], papers)];
  equal(boardPage(one), boardPage(other));
  equal(boardJson(one), boardJson(other));
  equal(boardCsv(one), boardCsv(other));
});

Deno.test("a board's page holds every row without a script, and shows claims apart, labelled", () => {
  const page = boardPage(boardOf([entry("a")], papers)), [measured = "", claimed = ""] = page.split('id="claims"');
  for (const arm of ["grpo", "better", "alike"]) match(measured, new RegExp(`<bdi>${arm}</bdi>`));
  doesNotMatch(measured, /Qwen2\.5/);
  match(claimed, /Qwen2\.5-0\.5B/);
  equal(claimed.match(/claimed in a paper, not measured here/g)?.length, papers.flatMap(({ tables }) => tables).length);
  match(claimed, /33\.7[^]*?± 2\.5/);
  match(boardPage(boardOf([], [])), /There is no entry yet/);
});

const hostile = [
  "</script><script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "\u202egnp.exe\u0000\u0007",
  '=HYPERLINK("http://evil.example")',
  "-2+3\r\n,injected",
  "../../../etc/passwd",
  "x".repeat(1 << 20),
];

Deno.test("hostile names stay text in pages, JSON and CSV", () => {
  for (const name of hostile) {
    const bad = entry("a", {
      about: { name: name.slice(0, 80), note: name.slice(0, 2000), link: "https://example.org/?a=%22" },
      policy: name,
      devices: [name],
      rows: entry("a").rows.map((row, i) => i === 0 ? { ...row, arm: name, summary: name } : row),
    });
    const board = boardOf([bad], []), group = board.groups[0]!, usual = boardOf([entry("a")], []);
    const pages = [
      [boardPage(board), boardPage(usual)],
      [
        entryPage(bad, group, { bundle: "bundle.json.gz", report: null }),
        entryPage(entry("a"), usual.groups[0]!, { bundle: "bundle.json.gz", report: null }),
      ],
    ] as const;
    for (const [page, plain] of pages) {
      const tags = (text: string) => text.match(/<(script|img|iframe)\b/g)?.length ?? 0;
      equal(tags(page), tags(plain));
      equal(visibleText(page), page);
      doesNotMatch(page, /(?:href|src)="[^"#]*etc\/passwd/);
      ok(page.length < plain.length + 20_000, `${page.length}`);
    }
    equal(JSON.parse(boardJson(board)).entries[0].policy, name);
    const csv = boardCsv(board);
    doesNotMatch(csv, /(?:^|,)"?[=+@\t]|(?:^|,)"?-(?!\d)/m);
    doesNotMatch(csv, /^,injected/m);
  }
});

Deno.test("boardCsv() has one line a row with the cells of its head", () => {
  const lines = boardCsv(boardOf([entry("a")], [])).trimEnd().split("\r\n");
  equal(lines.length, 4);
  const [head = "", first = ""] = lines;
  equal(first.split(",").length, head.split(",").length);
  equal(first.split(",")[head.split(",").indexOf("score")], "0.85");
});

Deno.test("budgetText() and grouped() write numbers alike everywhere", () => {
  equal(grouped(1234567), "1\u202f234\u202f567");
  equal(grouped(999), "999");
  const { group } = entry("a");
  equal(budgetText({ ...group, budget: { ...group.budget, updates: 1, tokens: 0 } }), "1 update");
  equal(budgetText({ ...group, budget: { ...group.budget, updates: 0, tokens: 2000 } }), "2\u202f000 tokens");
});

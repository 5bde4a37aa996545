// What a leaderboard takes up and what it refuses: each test changes one thing in results or in the files of an entry,
// with and without new digests over it, and the message must name it.

import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { cpSync, existsSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { arithmetic } from "../../tasks/arithmetic.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import type { LeaderboardEntry } from "../../harness/records/leaderboard_entry.ts";
import type { Results } from "../../harness/records/results.ts";
import { addEntry } from "../../harness/report/leaderboard/add_entry.ts";
import { buildSite } from "../../harness/report/leaderboard/build_site.ts";
import { checkEntries } from "../../harness/report/leaderboard/check_entries.ts";
import { packedText, readEntries } from "../../harness/report/leaderboard/entry_files.ts";
import { entryId, entryOf } from "../../harness/report/leaderboard/entry_of.ts";
import { verifyResults } from "../../harness/report/leaderboard/verify_results.ts";
import { data, gradedResults, runs, seal, withAnswer } from "../fakes/graded_results.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const results = gradedResults({ scores: { grpo: runs(3, 20, 6), "memory-r+": runs(3, 20, 15) } });
const sources = { task: arithmetic, data };
const about = { name: "mine", note: "a note", link: "https://example.org/" };

let boards = 0;
/** A leaderboard with one entry. */
async function board(): Promise<{ readonly folder: string; readonly entry: LeaderboardEntry; readonly at: string }> {
  const folder = join(parent, `board-${boards++}`), { entry } = await addEntry(folder, results, about, sources);
  return { folder, entry, at: join(folder, "entries", entry.id) };
}

/** Problems that a check finds. */
async function problems(folder: string, rewrite = false): Promise<string[]> {
  const checked = await checkEntries(folder, { sources: () => Promise.resolve(sources), rewrite });
  return checked.flatMap(({ problem }) => problem ?? []);
}

/** Puts another bundle in an entry's place, and all that follows from it. */
function forge(at: string, forged: Results): string {
  const bundle = toBundle(forged, { completions: true }),
    verified = {
      digests: true,
      matched: true,
      answers: 120,
      scores: true,
      gold: true,
      replay: false,
    } as const;
  const entry = entryOf(forged, bundle.digest, about, verified), to = join(at, "..", entryId(bundle.digest));
  renameSync(at, to);
  writeFileSync(join(to, "bundle.json.gz"), packedText(bundleText(bundle)));
  writeFileSync(join(to, "entry.json"), JSON.stringify(entry));
  return to;
}

Deno.test("addEntry() writes a packed bundle and its rows, and check finds nothing wrong", async () => {
  const { folder, entry, at } = await board();
  deepEqual([...Deno.readDirSync(at)].map(({ name }) => name).sort(), ["bundle.json.gz", "entry.json"]);
  deepEqual(await problems(folder), []);
  deepEqual(entry.verified, {
    digests: true,
    matched: true,
    answers: 120,
    scores: true,
    gold: true,
    replay: false,
  });
  equal(
    gunzipSync(readFileSync(join(at, "bundle.json.gz"))).toString(),
    bundleText(toBundle(results, { completions: true })),
  );
});

Deno.test("addEntry() gives the same results the same bytes under the same name, wherever they are added", async () => {
  const [one, other] = [await board(), await board()];
  for (const name of ["bundle.json.gz", "entry.json"]) {
    deepEqual(readFileSync(join(one.at, name)), readFileSync(join(other.at, name)));
  }
});

Deno.test("addEntry() leaves what is there, and refuses the same runs under another name", async () => {
  const { folder, entry } = await board();
  const again = await addEntry(folder, results, about, sources);
  deepEqual([again.added, again.entry.id], [false, entry.id]);
  await rejects(addEntry(folder, results, { ...about, name: "another" }, sources), (error: Error) => {
    match(error.message, /has the same runs … remove .*entries/);
    return error instanceof MisuseError;
  });
  const repacked = { ...results, experiment: { ...results.experiment, seconds: 99 } };
  await rejects(addEntry(folder, repacked, about, sources), /has the same runs/);
  equal((await readEntries(folder)).length, 1);
});

const flipped = seal(withAnswer(results, 0, 19, (answer) => ({ ...answer, status: "correct" })));
const reworded = seal(
  withAnswer(results, 0, 19, (answer) => ({
    ...answer,
    said: answer.said && { ...answer.said, completion: "<answer>\n7\n</answer>\n" },
  })),
);
const otherGold = seal(withAnswer(results, 0, 19, (answer) => {
  const completion = arithmetic.answer({ ...answer, gold: "7" }, "7");
  const grade = arithmetic.grade({ ...answer, gold: "7" }, completion, false);
  const rewards = Object.fromEntries(arithmetic.rewards.map((name, i) => [name, grade.rewards[i] ?? 0]));
  const { status, extracted } = grade;
  return { ...answer, gold: "7", status, said: { completion, extracted, rewards, tokens: 9 } };
}));
const withoutCell = seal({ ...results, cells: results.cells.slice(1) });
const [first] = results.cells;
const unmatched = seal({
  ...results,
  cells: results.cells.map((cell) =>
    cell === first && cell.record?.outcome
      ? {
        ...cell,
        record: {
          ...cell.record,
          outcome: { ...cell.record.outcome, match: { ...cell.record.outcome.match, weights: "0".repeat(64) } },
        },
      }
      : cell
  ),
});

for (
  const [what, forged, message] of [
    ["a grade that was flipped and sealed again", flipped, /grpo seed 0: its samples, line 20: status/],
    ["a completion that was changed and sealed again", reworded, /grpo seed 0: its samples, line 20/],
    ["a planned cell that was left out", withoutCell, /grpo seed 0 is in the plan and not in the results/],
    ["cells that are not matched", unmatched, /differ in initial weights/],
    [
      "an unfinished experiment",
      { ...results, experiment: { ...results.experiment, status: "failed" } } as const,
      /is failed, not finished/,
    ],
  ] as const
) {
  Deno.test(`addEntry() refuses ${what}, and writes nothing`, async () => {
    const folder = join(parent, `refused-${boards++}`);
    await rejects(addEntry(folder, forged, about, sources), (error: Error) => {
      match(error.message, message);
      return error instanceof FailureError;
    });
    equal(existsSync(join(folder, "entries")), false);
  });

  if (what === "an unfinished experiment") continue;
  Deno.test(`checkEntries() finds ${what}, although everything in the entry follows from it`, async () => {
    const { folder, at } = await board();
    forge(at, forged);
    const found = await problems(folder);
    equal(found.length, 1);
    match(found[0] ?? "", message);
  });
}

Deno.test("verifyResults() finds a gold answer that is not the task's where its data is at hand, and says so where not", () => {
  // One cell with another gold answer cannot be bundled with the others: all cells get it.
  const all = seal({
    ...otherGold,
    cells: otherGold.cells.map((cell) => ({
      ...cell,
      answers: cell.answers?.map((answer, i) => i === 19 ? otherGold.cells[0]!.answers![19]! : answer) ?? null,
    })),
  });
  throws(() => verifyResults(all, sources), /question "arithmetic-\w+" or its gold answer is not the task's/);
  equal(verifyResults(all, { task: arithmetic, data: null }).gold, false);
  throws(() => verifyResults(results, { task: { ...arithmetic, version: 2 }, data }), /version 2 is at hand/);
});

Deno.test("verifyResults() finds an accuracy that is not that of the answers", () => {
  const cells = results.cells.map((cell) => {
    const { record } = cell;
    if (cell !== first || !record?.outcome) return cell;
    const evaluations = record.outcome.evaluations.map((one) => ({ ...one, accuracy: 0.9 }));
    return { ...cell, record: { ...record, outcome: { ...record.outcome, evaluations } } };
  });
  throws(() => verifyResults({ ...results, cells }, sources), /grpo seed 0: its accuracy is not that of its answers/);
});

Deno.test("verifyResults() finds a record of another policy, and a config that is not the plan's", () => {
  const changed = (change: object) => ({
    ...results,
    cells: results.cells.map((cell) => cell.record ? { ...cell, record: { ...cell.record, ...change } } : cell),
  });
  throws(() => verifyResults(changed({ policy: "other" }), sources), /grpo seed 0: its record is of another policy/);
  const config = results.cells[0]?.record?.config ?? {}, rl = { ...config["rl"], learningRate: 1 };
  throws(
    () => verifyResults(changed({ config: { ...config, rl } }), sources),
    /rl\.learningRate is not what the plan says/,
  );
  const data = { ...results.cells[0]?.record?.task, data: "0".repeat(64) };
  throws(() => verifyResults(changed({ task: data }), sources), /its record is of another task/);
});

Deno.test("checkEntries() finds a changed byte of a bundle, a resealed bundle, and one that is cut short", async () => {
  const { folder, at } = await board(), path = join(at, "bundle.json.gz"), packed = readFileSync(path);
  const text = gunzipSync(packed).toString();
  writeFileSync(path, gzipSync(text.replace('"status":"finished"', '"status":"failed"')));
  match((await problems(folder))[0] ?? "", /bundle\.json\.gz": digest does not fit what the bundle says/);
  writeFileSync(path, packed.subarray(0, packed.length - 9));
  match((await problems(folder))[0] ?? "", /bundle\.json\.gz": it cannot be unpacked/);
  writeFileSync(path, "not a bundle");
  match((await problems(folder))[0] ?? "", /bundle\.json\.gz": it cannot be unpacked/);
  writeFileSync(path, packed);
  deepEqual(await problems(folder), []);
});

Deno.test("checkEntries() finds a changed score, and --rewrite mends it", async () => {
  const { folder, at } = await board(), path = join(at, "entry.json"), text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/"value": 0\.3$/m, '"value": 0.9'));
  match(
    (await problems(folder))[0] ?? "",
    /entry\.json does not say what follows from its bundle at rows\.0\.score\.value/,
  );
  deepEqual(await problems(folder, true), []);
  equal(readFileSync(path, "utf8"), text);
  writeFileSync(path, text.replace('"gold": true', '"gold": false'));
  match((await problems(folder))[0] ?? "", /at verified\.gold/);
});

Deno.test("checkEntries() finds a bundle that was replaced by another entry's, and the same runs twice", async () => {
  const { folder, at } = await board();
  const more = gradedResults({ scores: { grpo: runs(3, 20, 7), "memory-r+": runs(3, 20, 16) } });
  const { entry } = await addEntry(folder, more, { ...about, name: "more" }, sources);
  cpSync(join(folder, "entries", entry.id, "bundle.json.gz"), join(at, "bundle.json.gz"));
  match((await problems(folder)).join(), new RegExp(`its bundle is of entry ${entry.id}`));

  const twin = await board(), repacked = { ...results, experiment: { ...results.experiment, seconds: 99 } };
  cpSync(twin.at, join(parent, "kept"), { recursive: true });
  forge(twin.at, repacked);
  cpSync(join(parent, "kept"), twin.at, { recursive: true });
  match((await problems(twin.folder)).join(), /it has the same runs as entry/);
});

Deno.test("names lead nowhere: folders and files of an entry are what they must be, or are refused", async () => {
  const { folder, at } = await board(), out = join(parent, "site");
  Deno.mkdirSync(join(folder, "entries", "..%2f..%2fetc"));
  await rejects(checkEntries(folder, { sources: () => Promise.resolve(sources) }), /is no entry's folder/);
  await rejects(buildSite(folder, { out }), /is no entry's folder/);
  Deno.removeSync(join(folder, "entries", "..%2f..%2fetc"));
  writeFileSync(join(at, "index.html"), "<script>alert(1)</script>");
  await rejects(buildSite(folder, { out }), /"index\.html" does not belong there/);
  Deno.removeSync(join(at, "index.html"));
  if (Deno.build.os !== "windows") {
    Deno.renameSync(join(at, "bundle.json.gz"), join(parent, "moved.gz"));
    symlinkSync(join(parent, "moved.gz"), join(at, "bundle.json.gz"));
    await rejects(buildSite(folder, { out }), /"bundle\.json\.gz" does not belong there/);
  }
});

Deno.test("buildSite() writes the same bytes again, clears what is gone, and keeps out of other folders", async () => {
  const { folder, entry } = await board(), out = join(parent, "built");
  const read = () =>
    [...walk(out)].sort().map((path) => [path.slice(out.length), readFileSync(path).toString("base64")]);
  const built = await buildSite(folder, { out });
  deepEqual(built, { entries: 1, rows: 2, groups: 1, files: 5 });
  const before = read();
  deepEqual(before.map(([path]) => path), [
    `/entries/${entry.id}/bundle.json.gz`,
    `/entries/${entry.id}/index.html`,
    "/index.html",
    "/leaderboard.csv",
    "/leaderboard.json",
  ]);
  Deno.mkdirSync(join(out, "entries", "gone"));
  await buildSite(folder, { out });
  deepEqual(read(), before);
  writeFileSync(join(out, "thesis.txt"), "mine");
  await rejects(buildSite(folder, { out }), (error) => error instanceof MisuseError);
  await rejects(buildSite(folder, { out: folder }), (error) => error instanceof MisuseError);
});

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}

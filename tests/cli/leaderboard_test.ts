// The command: what it prints, its JSON and exit codes, and that the examples of its help run. What is refused and why is
// asked in tests/report/leaderboard_entries_test.ts.

import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { parseJson } from "../../harness/base/json_file.ts";
import { addLeaderboard } from "../../harness/cli/leaderboard.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import { gradedResults, runs, seal, withAnswer } from "../fakes/graded_results.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(parent, { recursive: true }));

const results = gradedResults({ scores: { grpo: runs(3, 16, 5), "memory-r+": runs(3, 16, 12) } });
const bundle = join(parent, "results.json");
writeFileSync(bundle, bundleText(toBundle(results, { completions: true })));

/** Runs `leaderboard` in this process. */
async function leaderboard(...args: string[]) {
  const { log, error } = console, printed = { stdout: "", stderr: "" };
  console.log = (text: unknown) => printed.stdout += `${text}\n`;
  console.error = (text: unknown) => printed.stderr += `${text}\n`;
  let code = 0;
  const program = new Command("matchbox").exitOverride().configureOutput({
    writeOut: (text) => printed.stdout += text,
    writeErr: (text) => printed.stderr += text,
  });
  addLeaderboard(program, (exitCode) => code = exitCode);
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    command.exitOverride().configureOutput(program.configureOutput());
  }
  try {
    await program.parseAsync(["leaderboard", ...args], { from: "user" });
  } catch (thrown) {
    if (thrown instanceof MisuseError || thrown instanceof FailureError) {
      code = thrown instanceof MisuseError ? 2 : 1;
      printed.stderr += thrown.message;
    } else if (!(thrown instanceof Error && "exitCode" in thrown)) {
      throw thrown;
    } else {
      code = thrown.exitCode === 0 ? 0 : 2;
    }
  } finally {
    Object.assign(console, { log, error });
  }
  return { code, ...printed };
}

Deno.test("leaderboard add, check and build work together, and adding again changes nothing", async () => {
  const board = join(parent, "board"), site = join(parent, "site");
  const added = await leaderboard("add", bundle, "--board", board, "--name", "Mine", "--json");
  equal(added.code, 0, added.stderr);
  match(added.stderr, /^Added entry [0-9a-f]{16} to .*: 2 arms, 96 completions graded again, \d/);
  const { id } = Object(parseJson(added.stdout, "standard output"));
  const again = await leaderboard("add", bundle, "--board", board, "--name", "Mine");
  deepEqual([again.code, again.stdout], [0, `Entry ${id} is in ${board} already: nothing was changed\n`]);

  const checked = await leaderboard("check", board);
  equal(checked.code, 0, checked.stderr);
  match(checked.stdout, /^ok {6}[0-9a-f]{16}: 2 arms, 96 completions graded again\n\n1 ok, 0 failed\n$/);
  const json = await leaderboard("check", board, "--json");
  deepEqual(parseJson(json.stdout, "standard output"), {
    ok: true,
    entries: [{ id, problem: null, rewritten: false }],
  });

  const built = await leaderboard("build", board, "--out", site);
  equal(built.code, 0, built.stderr);
  match(built.stdout, /^Built .*: 1 entry, 2 rows, 1 group, 5 files\n$/);
  equal(existsSync(join(site, "index.html")), true);
  const download = readFileSync(join(site, "entries", id, "bundle.json.gz"));
  deepEqual(download, readFileSync(join(board, "entries", id, "bundle.json.gz")));

  const entry = join(board, "entries", id, "entry.json"), text = readFileSync(entry, "utf8");
  writeFileSync(entry, text.replace('"cpu"', '"webgpu"'));
  const failed = await leaderboard("check", board);
  equal(failed.code, 1);
  match(failed.stdout, /^FAILED {2}[0-9a-f]{16}: .*devices\.0.*\n\n0 ok, 1 failed\n$/);
  equal((await leaderboard("check", board, "--rewrite")).code, 0);
  equal(readFileSync(entry, "utf8"), text);
});

Deno.test("leaderboard build --reports puts a report beside each entry's page", async () => {
  const board = join(parent, "reported"), site = join(parent, "reported-site");
  await leaderboard("add", bundle, "--board", board);
  const built = await leaderboard("build", board, "--out", site, "--reports", "--json");
  equal(built.code, 0, built.stderr);
  deepEqual(parseJson(built.stdout, "standard output"), { entries: 1, rows: 2, groups: 1, files: 6 });
  const [entry] = [...Deno.readDirSync(join(site, "entries"))];
  match(readFileSync(join(site, "entries", entry!.name, "report.html"), "utf8"), /memory-r\+/);
  match(readFileSync(join(site, "entries", entry!.name, "index.html"), "utf8"), /href="report\.html"/);
});

Deno.test("leaderboard refuses what does not verify with exit code 1, and a wrong command with 2", async () => {
  const board = join(parent, "refusing"), forged = join(parent, "forged.json");
  const flipped = seal(withAnswer(results, 0, 15, (answer) => ({ ...answer, status: "correct" })));
  writeFileSync(forged, bundleText(toBundle(flipped, { completions: true })));
  const refused = await leaderboard("add", forged, "--board", board);
  equal(refused.code, 1);
  match(refused.stderr, /Cannot verify ".*forged\.json": grpo seed 0: its samples, line 16: status/);
  const bare = join(parent, "bare.json");
  writeFileSync(bare, bundleText(toBundle(results, { completions: false })));
  match((await leaderboard("add", bare, "--board", board)).stderr, /the completions of grpo seed 0 are not there/);
  equal(existsSync(board), false);

  for (
    const [args, message] of [
      [["add", bundle, "--board", board, "--link", "javascript:alert(1)"], /--link .*must begin with https/],
      [["add", bundle, "--board", board, "--name", "a\u0007b"], /--name: it holds characters that cannot be seen/],
      [["add", bundle, "--board", board, "--name", " "], /--name: it is empty/],
      [["add", bundle, "--board", board, "--note", "x".repeat(2001)], /--note: it has 2001 characters/],
      [["check", join(parent, "nowhere")], /there is no such folder/],
      [["build", join(parent, "nowhere"), "--out", parent], /there is no such folder/],
      [["build"], /--out/],
      [["check", "--rewirte"], /unknown option/],
    ] as const
  ) {
    const { code, stderr } = await leaderboard(...args);
    equal(code, 2, stderr);
    match(stderr, message);
  }
});

Deno.test("the examples in the help of leaderboard run", async () => {
  const board = join(parent, "examples"), site = join(parent, "examples-site");
  let ran = 0;
  for (const command of [["add"], ["check"], ["build"], []]) {
    const { stdout } = await leaderboard(...command, "--help");
    const examples = [...stdout.matchAll(/^ {2}deno task leaderboard (.+)$/gm)].map(([, line = ""]) => line);
    equal(examples.length > 0, true, command.join());
    for (const line of examples) {
      const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
      const args = words.map((word) =>
        word.replace(/^results\/arithmetic-.*/, bundle).replace("results/leaderboard", board)
      );
      if (args[0] === "add" && !args.includes("--help")) args.push("--board", `${board}${ran === 0 ? "" : `-${ran}`}`);
      if (args[0] !== "add" && !args.includes(board) && !args.includes("--help")) args.splice(1, 0, board);
      const { code, stderr } = await leaderboard(...args.map((word) => word === "site" ? site : word));
      equal(code, 0, `${line}: ${stderr}`);
      if (args[0] === "add" && !args.includes("--help")) ran++;
    }
  }
  equal(ran, 2);
});

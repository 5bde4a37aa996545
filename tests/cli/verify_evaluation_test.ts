// `verify` on what `eval` wrote, from flags to lines and exit codes; and what the commands that want an experiment say.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { captured } from "./captured.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const sizes = ["--items", "3", "--samples", "2"];
const made = await captured(
  folder,
  "eval",
  "--policy",
  "embedded",
  "--policy",
  "embedded-cold",
  "--out",
  "both",
  ...sizes,
);
equal(made.code, 0, made.stderr);
const [name = ""] = [...Deno.readDirSync(join(folder, "both"))].map(({ name }) => name).sort();
cpSync(join(folder, "both", name), join(folder, "one"), { recursive: true });

Deno.test("verify of an evaluation prints a line for each file, and exits with 0", async () => {
  const { code, stdout, stderr } = await captured(folder, "verify", "one");
  equal(code, 0, stdout + stderr);
  match(stdout, /^ok {6}task arithmetic: version and digests$/m);
  match(stdout, /^ok {6}samples\.jsonl: lines, .*digest, .*grades, questions and gold answers$/m);
  match(stdout, /^ok {6}evaluation\.json: worked examples, measures$/m);
  match(stdout, /^ok {6}samples\.jsonl: replay: the first question$/m);
  match(stdout, /\n13 ok, 0 failed, 0 skipped\n$/);
});

Deno.test("verify of several evaluations names the folder of each", async () => {
  const { code, stdout } = await captured(folder, "verify", "both", "--replay", "2", "--json");
  equal(code, 0, stdout);
  const { ok: well, checks } = JSON.parse(stdout);
  equal(well, true);
  const replays = checks.filter(({ what }: { what: string }) => what === "replay: the first 2 questions");
  equal(replays.length, 2);
  ok(replays.some(({ place }: { place: string }) => place === `${name}/samples.jsonl`));
});

Deno.test("verify of an evaluation that was changed exits with 1 and says what, and with 2 where the command is wrong", async () => {
  const path = join(folder, "one", "samples.jsonl"), before = readFileSync(path, "utf8");
  writeFileSync(path, before.replace(/"status":"\w+"/, '"status":"timeout"'));
  const { code, stdout } = await captured(folder, "verify", "one", "--replay", "0");
  equal(code, 1);
  match(stdout, /^FAILED {2}samples\.jsonl: grades: line 1: status is "timeout", must be /m);
  writeFileSync(path, before);
  const refused = await captured(folder, "verify", "one", "--cell", "grpo/0");
  equal(refused.code, 2);
  match(refused.stderr, /^error: Cannot use --cell grpo\/0: "one" holds an evaluation, and that has no cells$/m);
});

Deno.test("report, compare, policy, export and serve say what a folder of evaluations is and which commands read it", async () => {
  const commands = [
    { args: ["report", "one"], code: 1 },
    { args: ["compare", "one", "--baseline", "one"], code: 2 },
    { args: ["policy", "one", "--cell", "grpo/0", "--out", "mine"], code: 1 },
    { args: ["export", "one", "--format", "csv", "--out", "out"], code: 1 },
    { args: ["serve", "one"], code: 1 },
  ];
  for (const { args, code } of commands) {
    const { code: found, stderr } = await captured(folder, ...args);
    equal(found, code, `${args}: ${stderr}`);
    const sentence =
      /it is what `deno task eval` wrote, an evaluation on its own and no experiment … the same `eval` command/;
    match(stderr, sentence);
    match(stderr, /prints it again, `deno task verify one` checks it$/m);
    deepEqual(stderr.trim().split("\n").length, 1);
  }
  const { stderr } = await captured(folder, "report", "both");
  match(stderr, /2 evaluations on their own .* `deno task verify both` checks it/);
});

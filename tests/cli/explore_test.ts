// explore from outside: a child process that gets its commands through a pipe.

import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { addExplore } from "../../harness/cli/explore.ts";
import { fakeStep } from "../fakes/records.ts";
import { fakeResults } from "../fakes/results.ts";
import { writeResultsFolder } from "./explore/results_folder.ts";

const parent = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => rmSync(parent, { recursive: true }));
const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const folder = join(parent, "results");
const made = fakeResults({ scores: { "grpo": [[1, 0, 0], [0, 1, 0]], "memory-r+": [[1, 1, 0], [1, 1, 1]] } });
const hostile = "\x1b]0;owned\x07\x1b[2J\u202e gpj.exe\r<script>alert(1)</script>\n" + "z".repeat(1_000_000);
const correctness = { mean: 0.5, std: 0 };
writeResultsFolder(folder, {
  ...made,
  cells: made.cells.map((cell) => ({
    ...cell,
    steps: [1, 2, 3].map((step) => ({ ...fakeStep(step), rewards: { correctness, total: { mean: step, std: 0 } } })),
    answers: (cell.answers ?? []).map((answer, i) =>
      i > 0 || answer.said === null ? answer : { ...answer, said: { ...answer.said, completion: hostile } }
    ),
  })),
});

const child = (...args: string[]) =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

async function run(input: string, ...args: string[]) {
  const started = child(...args), writer = started.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await started.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("explore answers piped commands in order and exits 0, with and without quit", async () => {
  const { code, stdout, stderr } = await run("list\nshow grpo 1\nquit\nlist\n", "explore", folder);
  equal(stderr, "");
  equal(code, 0);
  equal(stdout.match(/: arithmetic version 1, policy embedded/g)?.length, 1, "nothing after quit");
  ok(stdout.indexOf("grpo seed 1: finished") > stdout.indexOf("memory-r+"));
  doesNotMatch(stdout, /matchbox>|[^\P{Cc}\n]/u, "no prompt and no escape sequence");
  const open = await run("list", "explore", folder); // without a line end
  deepEqual([open.code, open.stderr], [0, ""]);
  match(open.stdout, /^memory-r\+ .*better|same|undecided/m);
  deepEqual(await run("", "explore", folder), { code: 0, stdout: "", stderr: "" });
});

Deno.test("explore tells mistakes on standard error, goes on, and exits 0", async () => {
  const { code, stdout, stderr } = await run("lst\nshow nobody\nneighbours x\nplot total\n", "explore", folder);
  equal(code, 0);
  const lines = stderr.trimEnd().split("\n");
  match(lines[0] ?? "", /^error: Cannot run "lst": .*did you mean "list"/);
  match(lines[1] ?? "", /^error: Cannot find arm "nobody": the arms are grpo, memory-r\+$/);
  match(lines[2] ?? "", /^error: Cannot look into a memory: no finished cell here has one/);
  equal(lines.length, 3);
  match(stdout, /a grpo: 1 -> 3/);
});

Deno.test("explore lets nothing of a completion reach the terminal but text", async () => {
  const { stdout } = await run("samples per=99\nsamples @full per=99\nlist @cells\n", "explore", folder);
  doesNotMatch(stdout, /[^\P{Cc}\n]|\p{Cf}/u);
  match(stdout, /\| \\x1b\]0;owned\\x07\\x1b\[2J\\u\{202e\} gpj\.exe\\r<script>alert\(1\)<\/script>$/m);
  match(stdout, /z… \(1000000 characters\)$/m);
  ok(stdout.length < 200_000);
});

Deno.test("explore ends cleanly when its reader has enough, and at Ctrl-C", async () => {
  const pipe = new Deno.Command("sh", {
    args: [
      "-c",
      `yes list | head -200 | "$0" run -A --no-check "$1" explore "$2" | head -1`,
      Deno.execPath(),
      program,
      folder,
    ],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await pipe.output();
  deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  equal(new TextDecoder().decode(stdout).trim().split("\n").length, 1);

  const waiting = child("explore", folder), writer = waiting.stdin.getWriter();
  await writer.write(new TextEncoder().encode("list\n"));
  const reader = waiting.stdout.getReader();
  await reader.read(); // it has answered, and waits for more
  waiting.kill("SIGINT");
  equal((await waiting.status).code, 0);
  await reader.cancel();
  await waiting.stderr.cancel();
  await writer.abort().catch(() => {});
});

Deno.test("explore in a terminal has a prompt, and ends at Ctrl-C and at Ctrl-D", {
  ignore: !existsSync("/usr/bin/script"),
}, async () => {
  for (const [key, kind] of [["\x03", "xterm"], ["\x04", "dumb"]] as const) {
    const command = `"${Deno.execPath()}" run -A --no-check "${program}" explore "${folder}"; echo "exit code $?"`;
    const terminal = new Deno.Command("script", {
      args: ["-qec", command, "/dev/null"],
      env: { TERM: kind },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = terminal.stdin.getWriter(), decoder = new TextDecoder();
    let shown = "", asked = 0;
    for await (const bytes of terminal.stdout) {
      shown += decoder.decode(bytes, { stream: true });
      const prompts = shown.split("matchbox> ").length - 1;
      if (prompts > 0 && asked === 0) await writer.write(new TextEncoder().encode("plot total grpo\r"));
      if (prompts > 1 && asked === 1 && /mean over seeds/.test(shown)) {
        await writer.write(new TextEncoder().encode(key));
      }
      asked = Math.min(prompts, 2);
    }
    await writer.close().catch(() => {});
    await terminal.status;
    match(shown, /grpo: 1 -> 3/);
    match(shown, /exit code 0/, kind);
    equal(shown.includes("\x1b"), kind === "xterm", "a dumb terminal is sent no escape sequences");
  }
});

Deno.test("explore shows how far an experiment is that still runs", async () => {
  const running = join(parent, "running"), [first, ...others] = made.cells;
  writeResultsFolder(running, {
    ...made,
    experiment: {
      ...made.experiment,
      status: "running",
      cells: made.experiment.cells.map((entry, i) => i > 0 ? entry : { ...entry, status: "running", accuracy: null }),
    },
    cells: [{ ...first!, record: null, answers: null }, ...others],
  });
  await Deno.writeTextFile(join(running, "grpo/seed-0/steps.jsonl"), '{"step":3,"rew', { append: true });
  const { code, stdout, stderr } = await run("list\nshow grpo 0\nplot total grpo\n", "explore", running);
  deepEqual([code, stderr], [0, ""]);
  match(stdout, /^running: 3 of 4 cells finished/m);
  match(stdout, /^grpo seed 0: running; 2 updates are written; no record yet$/m);
});

Deno.test("explore refuses what is no results folder in one sentence", async () => {
  const { code, stdout, stderr } = await run("list\n", "explore", parent);
  deepEqual([code, stdout], [1, ""]);
  match(stderr, /^error: Cannot read ".*\n$/);
  equal((await run("", "explore")).code, 2);
  equal((await run("", "explore", folder, "--nope")).code, 2);
});

Deno.test("every example of explore --help works", async () => {
  const own = new Command().exitOverride();
  addExplore(own, () => {});
  const { stdout } = await run("", "explore", "--help");
  const examples = stdout.split("Examples:\n")[1]?.trimEnd().split("\n") ?? [];
  equal(examples.length, 4);
  for (const example of examples) {
    const line = example.trim().replace(/results\/\S+/, `"$2"`).replace("deno task", `"$0" run -A --no-check "$1"`)
      .replace(/ \| less$/, " | cat");
    match(line, /"\$0" .* explore "\$2"/);
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", line, Deno.execPath(), program, folder],
      stdin: "null",
    }).output();
    equal(new TextDecoder().decode(stderr), "", example);
    equal(code, 0, example);
    if (/^printf|echo/.test(example.trim())) ok(stdout.length > 50, example);
  }
});

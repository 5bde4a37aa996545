// The command from outside: what is printed where, exit codes, no stack traces. The worker has no model.

import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { parseSeeds } from "../../harness/cli/bench.ts";
import { main } from "../../harness/cli/main.ts";
import { configFields } from "../../harness/config.ts";
import { readCellRecord, readExperiment } from "../../harness/records/store.ts";
import { accidents } from "../fakes/cell_worker.ts";
import { proberOf } from "../fakes/devices.ts";
import { makePolicyFolder } from "../fakes/policy_folder.ts";

const program = fileURLToPath(new URL("../fakes/bench.ts", import.meta.url));
const folder = await Deno.makeTempDir();
const policy = await makePolicyFolder(folder);
const small = ["--policy", policy, "--set", "rl.updates=5"];
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function command(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, ...args],
    cwd: folder,
    env: { NO_COLOR: "1", HF_HUB_OFFLINE: "1", MATCHBOX_CACHE: folder },
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(...args: string[]) {
  const { code, stdout, stderr } = await command(...args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** The same in this process, where nothing but console.error is printed. */
async function misuse(...args: string[]): Promise<string> {
  return await misuseOn({}, ...args);
}

/** The same on a machine with other devices. */
async function misuseOn(devices: Parameters<typeof proberOf>[0], ...args: string[]): Promise<string> {
  const original = console.error;
  let stderr = "";
  console.error = (text: unknown) => stderr += `${text}\n`;
  try {
    const command = ["bench", "--policy", policy, "--out", join(folder, "never"), ...args];
    equal(await main(command, { probe: proberOf(devices) }), 2, args.join(" "));
  } finally {
    console.error = original;
  }
  match(stderr, /^(Device: .*\n)?error: Cannot [^]*\n$/, args.join(" "));
  doesNotMatch(stderr, /^\s+at /m, args.join(" "));
  return stderr;
}

Deno.test("bench refuses a device that cannot be had, with what is wrong and the remedy, and never replaces it", async () => {
  const library = { why: "ONNX Runtime's libonnxruntime_providers_cuda.so is not installed" };
  match(
    await misuseOn({}, "--device", "webgpu"),
    /--device webgpu: it is not there … mend webgpu, or choose --device cpu$/m,
  );
  match(
    await misuseOn({ cuda: library }, "--device", "cuda"),
    /--device cuda: .*providers_cuda\.so is not installed … /,
  );
  match(await misuseOn({ cuda: { count: 2 } }, "--device", "cuda:0-2"), /--device cuda:2: .* no device of this index/);
  match(await misuseOn({ cuda: { why: "its numbers are wrong" } }, "--device", "cuda"), /its numbers are wrong … /);
  match(await misuse("--device", "cuad"), /device "cuad".*did you mean "cuda"/);
  match(await misuse("--device", "webgpu:0"), /webgpu takes no index/);
  match(await misuse("--device", "cuda:"), /indexes from 0 to 63/);
  match(
    await misuseOn({ cuda: {} }, "--device", "cuda", "--dry-run"),
    /^Device: cuda\nerror: Cannot estimate for --device cuda: .* --budget updates=3$/m,
  );
  match(
    await misuseOn({ cpu: {} }, "--device", "auto", "--auto-microbatch"),
    /on the CPU, which --device auto took: .* rl\.microBatch/,
  );
  match(await misuse("--auto-microbatch"), /--auto-microbatch on the CPU: .* set rl\.microBatch, or choose/);
});

Deno.test("bench prints the table on standard output and progress on standard error", async () => {
  const { code, stdout, stderr } = await run(
    "bench",
    ...small,
    "--arms",
    "base,grpo",
    "--seeds",
    "0-1",
    "--out",
    "plain",
  );
  equal(code, 0, stderr);
  match(stdout, /^arm +seed +test accuracy \(n = 256\) +gain +reward +updates +tokens +seconds$/m);
  match(stdout, /^base +1 +25\.0 % -> 25\.0 % +\+0\.0 /m);
  match(stdout, /^grpo +0 +25\.0 % -> 50\.0 % +\+25\.0 +1\.00 +5 +12\.5k +\d+\.\d$/m);
  match(stdout, /^grpo +mean of 2 +25\.0 % -> 50\.0 %/m);
  match(stdout, /^Results: .*plain$/m);
  match(stderr, /^grpo seed 1: test accuracy 50\.0 % after 5 updates \(n = 256\)$/m);
  match(stderr, /^grpo seed \d: finished in .*\[4 of 4 cells\]$/m);
});

Deno.test("bench --json prints nothing but the summary on standard output, and takes a config file below --set", async () => {
  await Deno.writeTextFile(join(folder, "run.yaml"), "rl:\n  updates: 9\n  questions: 3\nevaluation:\n  samples: 16\n");
  const { code, stdout, stderr } = await run(
    "bench",
    ...small,
    "--arms=grpo",
    "--seeds=0",
    "--config=run.yaml",
    "--json",
  );
  equal(code, 0, stderr);
  equal(stdout.trimEnd().includes("\n"), false);
  const { status, out, cells, arms } = JSON.parse(stdout);
  equal(status, "finished");
  match(out, /results.arithmetic-policy-quick-[0-9a-f]{8}$/);
  deepEqual([cells[0].accuracy, cells[0].updates, cells[0].samples], [{ before: 0.25, after: 0.5, gain: 0.25 }, 5, 16]);
  equal(arms[0].passAtSamples.after, 0.5);
  const { config } = await readCellRecord(join(out, "grpo", "seed-0", "record.json"));
  deepEqual([config.rl?.updates, config.rl?.questions], [5, 3]);
  match(stderr, /pass@16/);
});

Deno.test("bench finishes the other cells when one fails, says why, and exits with 1", async () => {
  const seeds = `${accidents.fails},1`;
  const { code, stdout, stderr } = await run("bench", ...small, "--arms", "grpo", "--seeds", seeds, "--out", "failed");
  equal(code, 1);
  match(stdout, /^grpo +901 +failed$/m);
  match(stdout, /^grpo +1 +25\.0 % -> 50\.0 %/m);
  match(stderr, /^error: grpo seed 901: Cannot update at step 3: the loss is NaN$/m);
  doesNotMatch(stderr, /^\s+at /m);
  const misused = await run(
    "bench",
    ...small,
    "--arms",
    "grpo",
    "--seeds",
    `${accidents.misused}`,
    "--debug",
    "--out",
    "m",
  );
  equal(misused.code, 2);
  match(misused.stderr, /Log of grpo seed 902:\n[^]*MisuseError[^]*\n\s+at /);
});

Deno.test("bench is asked to end by Ctrl-C, ends by the second, and goes on by the same command", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const bench = (seeds: string, ...more: string[]) =>
    command("bench", "--policy", policy, "--arms", "grpo", "--seeds", seeds, "--jobs", "3", "--out", "cut", ...more);
  const { slow, frozen } = accidents, child = bench(`0,${slow},${frozen}`).spawn();
  const cell = (seed: number, file: string) => join(folder, "cut", "grpo", `seed-${seed}`, file);
  const steps = (seed: number) => {
    try {
      return Deno.readTextFileSync(cell(seed, "steps.jsonl")).split("\n").length - 1;
    } catch {
      return 0;
    }
  };
  const until = async (ready: () => boolean) => {
    for (let i = 0; i < 1000 && !ready(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    equal(ready(), true);
  };
  await until(() => steps(slow) >= 2 && steps(frozen) >= 2 && existsSync(cell(0, "record.json")));
  child.kill("SIGINT");
  await until(() => existsSync(cell(slow, "record.json"))); // it has heeded the first, which the frozen one cannot hear
  child.kill("SIGINT");
  const start = performance.now(), { code, stderr } = await child.output();
  equal(performance.now() - start < 2000, true);
  equal(code, 130);
  match(new TextDecoder().decode(stderr), /^Finishing the updates in flight … Ctrl-C again to stop at once$/m);
  match(
    new TextDecoder().decode(stderr),
    /^Interrupted; what was done is kept, and the same command goes on from there$/m,
  );
  const { status, cells } = await readExperiment(join(folder, "cut", "experiment.json"));
  equal(status, "interrupted");
  deepEqual(cells.map((cell) => cell.status), ["finished", "interrupted", "interrupted"]);
  equal((await readCellRecord(cell(0, "record.json"))).digest, cells[0]?.digest);
  equal(cells[1]?.updates, steps(slow));

  const again = bench(`${slow}`).spawn();
  await until(() => steps(slow) > cells[1]!.updates);
  for (let i = 0; i < 2; i++) again.kill("SIGINT");
  match(
    new TextDecoder().decode((await again.output()).stderr),
    new RegExp(`^grpo seed ${slow}: resumed after ${cells[1]?.updates} updates$`, "m"),
  );
});

Deno.test("bench says that there is nothing to do where all cells have finished, and shows the table", async () => {
  const args = ["bench", ...small, "--arms", "grpo", "--seeds", "0-1"];
  const first = await run(...args), second = await run(...args);
  deepEqual([first.code, second.code], [0, 0]);
  const table = (text: string) => text.slice(0, text.indexOf("Matched: "));
  equal(table(second.stdout), table(first.stdout));
  match(second.stdout, /^Matched: yes \(2 cells\)$/m);
  match(second.stdout, /^Nothing to do: all cells had finished before$/m);
  match(second.stderr, /^grpo seed 1: finished before \[2 of 2 cells\]$/m);
});

Deno.test("bench takes budgets, and arms and tasks from files", async () => {
  const text =
    `export const mine = { name: "mine", summary: "mine", trains: true, overrides: { "rl.loss": "dapo" } };\n`;
  await Deno.writeTextFile(join(folder, "mine.ts"), text);
  const args = [
    "bench",
    "--policy",
    policy,
    "--arm-file",
    "mine.ts",
    "--arms",
    "grpo,mine:clipHigh=0.3",
    "--seeds",
    "0",
  ];
  const { code, stderr } = await run(...args, "--budget", "updates=4", "--out", "files");
  equal(code, 0, stderr);
  const { config } = await readCellRecord(join(folder, "files", "mine,clipHigh=0.3", "seed-0", "record.json"));
  deepEqual([config.rl?.updates, config.rl?.loss, config.rl?.clipHigh], [4, "dapo", 0.3]);
  match(await misuse("--arms", "mine"), /arm "mine"/);
  match(await misuse("--arm-file", join(folder, "none.ts")), /none\.ts: it cannot be imported/);
  match(await misuse("theirs", "--task-file", join(folder, "mine.ts")), /--task-file .*mine\.ts: it exports no task/);
});

Deno.test("bench refuses what is wrong with exit code 2 and one sentence, before anything runs", async () => {
  match(await misuse("arithmetc"), /task "arithmetc".*did you mean "arithmetic"/);
  match(await misuse("gsm8k", "--data-dir", folder), /train\.jsonl: it does not exist; give --data-dir/);
  match(await misuse("--arms", "gpro"), /arm "gpro".*did you mean "grpo"/);
  match(await misuse("--arms", "grpo,grpo"), /arm grpo twice/);
  match(await misuse("--arms", ","), /without arms/);
  match(await misuse("--seeds", "1,0-2"), /seed 1 twice/);
  match(await misuse("--seeds", "one"), /--seeds one: "one" must be a seed/);
  match(await misuse("--profile", "quik"), /profile "quik".*did you mean "quick"/);
  match(await misuse("--policy", "embeded"), /policy "embeded".*did you mean "embedded"/);
  match(await misuse("--lora", "0"), /--lora 0/);
  match(await misuse("--lora", "1000"), /--lora 1000: the rank must be an integer from 1 to \d+, the largest/);
  match(await misuse("--lora", "4", "--lora-alpha", "none"), /--lora-alpha none: it must be a number above 0/);
  match(await misuse("--lora", "4", "--lora-targets", "q_prj"), /"q_prj" \(did you mean "q_proj"\?\)/);
  match(await misuse("--lora-alpha", "4"), /--lora-alpha without --lora: .* --lora 16/);
  match(await misuse("--lora-targets", "q_proj"), /--lora-targets without --lora/);
  match(await misuse("--device", "gpu"), /device "gpu".*auto, cpu, webgpu, cuda/);
  match(await misuse("--threads", "0"), /--threads 0/);
  match(await misuse("--keep", "-1"), /--keep -1: .* at least 0/);
  match(await misuse("--checkpoint-every", "0"), /--checkpoint-every 0/);
  match(await misuse("--margin", "two"), /--margin two: .* percentage points/);
  match(await misuse("--metric", "reward"), /--metric reward: the metrics are accuracy and pass/);
  match(await misuse("--metric", "pass"), /--metric pass: evaluation\.samples is 0/);
  match(await misuse("--against", "rloo"), /--against rloo: it is not among the arms/);
  match(await misuse("--sweep", "rl.learningRate"), /--sweep rl\.learningRate: it must look like field=values/);
  match(await misuse("--sweep", "rl.learningRate=1e-5,often"), /rl\.learningRate = "often" \(--sweep\)/);
  match(await misuse("--sweep", "rl.learningRate=1e-5,2e-5", "--sweep-seeds", "0"), /seed 0 is among the reported/);
  match(await misuse("--budget", "hours=3"), /--budget hours=3: .* updates=120 or tokens=250000/);
  match(await misuse("--budget", "updates=9", "--set", "rl.tokens=5"), /with --set rl\.tokens=5: both set the budget/);
  match(await misuse("--jobs", "1e3"), /--jobs 1e3/);
  match(await misuse("--set", "rl.learningrate=1"), /did you mean "rl\.learningRate"/);
  match(await misuse("--set", "rl.learningRate=7"), /rl\.learningRate = 7 \(--set\): must be a number from 0 to 1/);
  match(await misuse("--set", "rl.loss=ppo"), /must be one of grpo, dapo, dr_grpo/);
  match(await misuse("--config", join(folder, "none.yaml")), /none\.yaml": there is no such file/);
  await Deno.writeTextFile(join(folder, "bad.yaml"), "rl:\n  updates: [3\n");
  match(await misuse("--config", join(folder, "bad.yaml")), /bad\.yaml", line \d/);
  await Deno.writeTextFile(join(folder, "wrong.yaml"), "rl:\n  updates: many\n");
  match(
    await misuse("--config", join(folder, "wrong.yaml")),
    /rl\.updates = "many" \(.*wrong\.yaml\): must be an integer/,
  );
  equal(existsSync(join(folder, "never")), false);
  match(await misuse("--out", join(policy, "config.json", "out")), /Cannot write to ".*config\.json.out"/);
});

Deno.test("bench tunes, shows what was chosen, and says which tuning cell failed", async () => {
  const sweep = ["--sweep", "rl.learningRate=1e-4,1e-5", "--sweep-seeds"];
  const args = ["bench", "--policy", policy, "--arms", "grpo", "--seeds", "0", "--budget", "updates=20", ...sweep];
  const [tuned, failed] = await Promise.all([
    run(...args, "7", "--json", "--out", "tuned"),
    run(...args, `7,${accidents.fails}`, "--out", "untuned"),
  ]);
  equal(tuned.code, 0, tuned.stderr);
  match(tuned.stderr, /^Tuned rl\.learningRate: grpo 0\.0001$/m);
  match(tuned.stderr, /^grpo 0\.0001 seed 7: finished in .* \[\d of 3 cells\]$/m);
  equal(JSON.parse(tuned.stdout).tuning.arms[0].chosen, 1e-4);
  equal(failed.code, 1);
  match(failed.stdout, /^Tuned rl\.learningRate: grpo not chosen$/m);
  match(failed.stdout, /^grpo +0 +pending$/m);
  match(failed.stderr, /^error: grpo 0\.0001 seed 901: Cannot update at step 3/m);
});

Deno.test("bench suggests the flag or command that was meant", async () => {
  const [flag, name, help, fields] = await Promise.all([
    run("bench", "--sedes", "1"),
    run("bnech"),
    run("bench", "--help"),
    run("bench", "--help-config"),
  ]);
  equal(flag.code, 2);
  match(flag.stderr, /unknown option '--sedes'[^]*--seeds/);
  equal(name.code, 2);
  match(name.stderr, /unknown command 'bnech'[^]*bench/);
  equal(help.code, 0);
  match(help.stdout, /Examples:/);
  equal(fields.code, 0);
  for (const { key } of configFields) match(fields.stdout, new RegExp(`^${key.replace(".", "\\.")} `, "m"));
});

Deno.test("parseSeeds() takes lists and ranges", () => {
  deepEqual(parseSeeds("0,2, 5-7"), [0, 2, 5, 6, 7]);
});

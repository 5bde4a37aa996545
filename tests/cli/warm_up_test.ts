// `bench --warmup-sft` on the real engine: killed, gone on with, verified, refused.

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stream } from "../../harness/base/prng.ts";
import { readWarmUpRecord } from "../../harness/records/store.ts";
import { readExperiment } from "../../harness/records/store.ts";
import { readPlan } from "../../harness/records/plan_schema.ts";
import { readCellRecord } from "../../harness/records/store.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { kill } from "../fakes/kill.ts";
import { withFolder } from "../model/tiny_policy.ts";
import { makeRandomPolicy } from "../rl/length_task.ts";

const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const taskFile = fileURLToPath(new URL("../fakes/length_task_file.ts", import.meta.url));
const settings = [
  "rl.updates=2",
  "rl.questions=2",
  "rl.completions=2",
  "rl.maxPromptTokens=64",
  "rl.maxCompletionTokens=12",
];
const evaluation = ["evaluation.every=0", "evaluation.validationItems=7", "evaluation.testItems=7"];

function matchbox(...args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const bench = (policy: string, out: string, ...more: readonly string[]) =>
  matchbox(
    ...["bench", "length", `--task-file=${taskFile}`, `--policy=${policy}`, `--out=${out}`, "--arms=grpo,base"],
    ...["--seeds=0,1", "--jobs=2", "--threads=1", "--checkpoint-every=1"],
    ...[...settings, ...evaluation].map((one) => `--set=${one}`),
    ...more,
  );

async function ended(child: Deno.ChildProcess): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await child.output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("bench --warmup-sft gives every cell the same warmed weights, also when it was killed, and verifies", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy"), whole = join(parent, "whole"), killed = join(parent, "killed");
    const cold = await makeRandomPolicy(policy), warm = ["--warmup-sft=60", "--warmup-lr=0.003"];
    const { code, said } = await ended(bench(policy, whole, ...warm));
    equal(code, 0, said);
    match(said, /warm-up: update 60\/60, loss \d/);

    const random = stream(0, "kill a warm-up");
    let kills = 0;
    for (let done = false; !done;) {
      const child = bench(policy, killed, ...warm);
      const timer = setTimeout(() => kill(child), 700 * 1.3 ** kills * (0.5 + random.uniform()));
      done = (await ended(child)).code === 0;
      clearTimeout(timer);
      if (!done) kills++;
    }
    ok(kills > 0);

    const record = await readWarmUpRecord(join(whole, "warmup", "warmup.json"));
    deepEqual(await readWarmUpRecord(join(killed, "warmup", "warmup.json")), record);
    equal((await readPolicy(join(killed, "warmup", "policy"))).digest, record.weights);
    notEqual(record.weights, cold.digest);
    ok(record.losses.length === 60 && record.losses.at(-1)! < record.losses[0]!);
    deepEqual((await readPlan(join(whole, "plan.json"))).policy.warmUp, {
      updates: 60,
      questions: 16,
      learningRate: 0.003,
    });
    const [a, b] = await Promise.all([whole, killed].map((out) => readExperiment(join(out, "experiment.json"))));
    deepEqual(a!.cells.map(({ digest }) => digest), b!.cells.map(({ digest }) => digest));
    for (const { folder } of a!.cells) {
      equal((await readCellRecord(join(whole, folder, "record.json"))).outcome?.match.weights, record.weights);
    }
    const checkpoints = join(killed, "warmup", "checkpoints");
    ok(!existsSync(checkpoints));
    mkdirSync(checkpoints); // as a kill after the record leaves it
    equal((await ended(bench(policy, killed, ...warm))).code, 0);
    ok(!existsSync(checkpoints));

    match(readFileSync(join(whole, "report.html"), "utf8"), /after a supervised warm-up of 60 updates/);
    const exported = join(parent, "exported");
    equal((await ended(matchbox("policy", whole, "--cell=grpo/0", `--out=${exported}`))).code, 0);
    match(readFileSync(join(exported, "README.md"), "utf8"), /A supervised warm-up came first: 60 updates of 16 dem/);

    const verify = () => ended(matchbox("verify", whole, `--task-file=${taskFile}`));
    const sound = await verify();
    equal(sound.code, 0, sound.said);
    match(sound.said, /replay: update 2, from a checkpoint/);
    const path = join(whole, "warmup", "warmup.json"), text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(record.weights, "0".repeat(64)));
    const changed = await verify();
    equal(changed.code, 1);
    match(changed.said, /FAILED +warmup\/warmup\.json: settings and weights/);
    rmSync(join(whole, "warmup"), { recursive: true });
    match((await verify()).said, /skipped the warmed policy: .* is not there/);
  });
});

Deno.test("bench refuses a warm-up that is not one, and another than the folder's", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy"), out = join(parent, "out");
    await makeRandomPolicy(policy);
    const refused = async (expected: RegExp, ...flags: readonly string[]) => {
      const { code, said } = await ended(bench(policy, out, ...flags));
      equal(code, 2, said);
      match(said, expected);
    };
    await refused(/Cannot use --warmup-sft 0: it must be an integer of at least 1/, "--warmup-sft=0");
    await refused(/Cannot use --warmup-lr 2: it must be a number above 0/, "--warmup-sft=3", "--warmup-lr=2");
    await refused(/Cannot use --warmup-lr without --warmup-sft/, "--warmup-lr=0.1");
    ok(!existsSync(out));
    equal((await ended(bench(policy, out, "--warmup-sft=3"))).code, 0);
    await refused(/warmUp\.updates was 3 and is 4/, "--warmup-sft=4");
    await refused(/warmUp was \{.*\} and is absent/);
  });
});

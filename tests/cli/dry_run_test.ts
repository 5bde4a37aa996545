// `bench --dry-run`: what it says, and that it neither runs, nor writes, nor fetches weights.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Estimate } from "../../harness/experiment/estimate.ts";
import { embeddedPolicies } from "../../harness/experiment/plan.ts";
import { parseModelConfig } from "../../harness/model/config.ts";
import { parameterLayout } from "../../harness/model/layout.ts";
import { FakeHub } from "../fakes/hub.ts";

const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const checkpoint = fileURLToPath(new URL("../fixtures/checkpoints/llama/", import.meta.url));
const embedded = fileURLToPath(embeddedPolicies["embedded"]!);
const small = [
  "rl.updates=3",
  "rl.questions=2",
  "rl.completions=4",
  "rl.maxCompletionTokens=20",
]
  .concat(["evaluation.validationItems=4", "evaluation.testItems=4"]).map((setting) => `--set=${setting}`);

const ours = [`--policy=${checkpoint}`, "--set=rl.maxPromptTokens=900"];

/** Runs `bench --dry-run` in an empty folder; what stands in it afterwards comes along. */
async function dryRun(environment: Readonly<Record<string, string>>, ...args: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        program,
        "bench",
        "--dry-run",
        "--arms=base,grpo,memory-r+",
        "--seeds=0-1",
        ...small,
        ...args,
      ],
      cwd: folder,
      env: {
        NO_COLOR: "1",
        HF_HUB_CACHE: join(folder, "cache"),
        HF_HUB_OFFLINE: "0",
        NO_PROXY: "127.0.0.1",
        ...environment,
      },
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name);
    return { code, stdout: text(stdout), stderr: text(stderr), left };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("bench --dry-run says what cells take, and writes nothing", async () => {
  const { code, stdout, stderr, left } = await dryRun({}, ...ours, "--jobs=2", "--threads=1");
  equal(code, 0, stderr);
  deepEqual(left, []);
  match(stdout, /^Dry run: nothing was run or written, and no weights were fetched$/m);
  match(stdout, /^policy +\S+, \d+\.\dk parameters: \d+\.\dk trained, 0 frozen$/m);
  match(stdout, /^cells +6, of them 2 side by side with 1 thread each$/m);
  match(stdout, /^completions +20 tokens each, the cap/m);
  match(stdout, /^memory +\d+\.\d+ [MG]B \(\d+\.\d+ GB are here\)$/m);
  match(stdout, /^time +at most \d+:\d\d for all/m);
  for (const arm of ["base", "grpo", "memory-r\\+"]) match(stdout, new RegExp(`^${arm} +2 +\\d `, "m"));
});

Deno.test("bench --dry-run --json gives the numbers: parts of memory add up, and so do times", async () => {
  const { code, stdout, stderr } = await dryRun({}, ...ours, "--json", "--expect-tokens=9", "--jobs=1");
  equal(code, 0, stderr);
  equal(stdout.trimEnd().includes("\n"), false);
  const told: Estimate & { readonly dryRun: boolean } = JSON.parse(stdout);
  const path = join(checkpoint, "config.json"), model = parseModelConfig(JSON.parse(Deno.readTextFileSync(path)), path);
  equal(told.dryRun, true);
  deepEqual(told.parameters, { trained: parameterLayout(model).size, frozen: 0 });
  deepEqual([told.completionTokens, told.atMost], [9, false]);
  ok(told.promptTokens.median > 50 && told.promptTokens.longest >= told.promptTokens.median);
  const [base, grpo, memory] = told.arms;
  deepEqual([base!.updates, base!.stepSeconds, base!.memory.passes, base!.memory.optimizer], [0, 0, 0, 0]);
  ok(grpo!.stepSeconds > grpo!.rolloutSeconds && grpo!.rolloutSeconds > 0);
  ok(memory!.stepSeconds > grpo!.stepSeconds && memory!.memory.copies > 0 && grpo!.memory.copies === 0);
  equal(grpo!.memory.optimizer, 8 * told.parameters.trained);
  for (const { memory: { total, ...parts } } of told.arms) {
    const sum = Object.values(parts).reduce((a, b) => a + b);
    ok(Math.abs(sum - total) <= 1, `${sum} is not ${total}`);
  }
  const all = told.arms.reduce((sum, { cells, cellSeconds }) => sum + cells * cellSeconds, 0);
  ok(Math.abs(told.seconds - all) < 1e-6);
});

Deno.test("bench --dry-run --lora counts an adapter as PEFT does, and says what a warm-up takes", async () => {
  const one = [...ours, "--jobs=1", "--threads=1", "--lora=8", "--warmup-sft=2"];
  const [said, numbers] = await Promise.all([dryRun({}, ...one), dryRun({}, ...one, "--json")]);
  deepEqual([said.code, numbers.code, said.left], [0, 0, []], said.stderr + numbers.stderr);
  const told: Estimate = JSON.parse(numbers.stdout);
  // r (in + out) of q, k, v, o, gate, up and down: width 16, 2 heads of 8 and 1 of them for keys, 24 between, 2 layers.
  const trained = 2 * 8 * ((16 + 16) + 2 * (16 + 8) + (16 + 16) + 3 * (16 + 24));
  const path = join(checkpoint, "config.json"), model = parseModelConfig(JSON.parse(Deno.readTextFileSync(path)), path);
  deepEqual(told.parameters, { trained, frozen: parameterLayout(model).size });
  for (const { arm, updates, memory } of told.arms) {
    ok(memory.adapter > 4 * trained);
    equal(memory.optimizer, updates > 0 ? 8 * trained : 0, arm);
  }
  ok(told.warmUpSeconds > 0 && told.warmUpMemory > 0);
  match(said.stdout, /^policy +\S+, \d+\.\dk parameters: 3\.7k trained, \d+\.\dk frozen$/m);
  match(said.stdout, /^trained +a LoRA adapter of rank 8 and alpha 16 to q_proj, .* and down_proj$/m);
  match(said.stdout, /^warm-up +\S+ and \d+\.\d MB of memory, before all cells$/m);
  match(said.stdout, /^ +of a cell .*: weights \S+ .B, adapter \S+ .B, optimizer /m);
});

Deno.test("bench --dry-run fetches the small files of a policy of the Hub and keeps none", async () => {
  const files = new Map(
    [...Deno.readDirSync(embedded)].map(({ name }) => [name, Deno.readFileSync(join(embedded, name))]),
  );
  await using hub = new FakeHub("tiny/model", files);
  const online = { HF_ENDPOINT: hub.endpoint };
  const { code, stdout, stderr, left } = await dryRun(
    online,
    "--policy=tiny/model",
    "--json",
  );
  equal(code, 0, stderr);
  const { policy, download } = JSON.parse(stdout);
  equal(policy, `tiny/model@${hub.commit}`);
  equal(download, [...files.values()].reduce((sum, content) => sum + content.length, 0));
  deepEqual(left, []);
  ok(hub.fetched.includes("config.json") && hub.fetched.includes("tokenizer.json"));
  equal(hub.fetched.some((path) => path.endsWith(".safetensors")), false);
});

Deno.test("bench --dry-run refuses what bench refuses, and --expect-tokens alone", async () => {
  const [lora, prompt, policy, alone, missing] = await Promise.all([
    dryRun({}, ...ours, "--lora=40"),
    dryRun({}, `--policy=${checkpoint}`, "--set=rl.maxPromptTokens=20"),
    dryRun({}, "--policy=embeded"),
    dryRun({}, "--no-such-flag"),
    dryRun({ HF_HUB_OFFLINE: "1" }, "--policy=nobody/nothing"),
  ]);
  for (const { code, left } of [lora, prompt, policy, alone, missing]) deepEqual([code, left], [2, []]);
  match(prompt.stderr, /its prompt has \d+ tokens and rl\.maxPromptTokens is 20; raise it/);
  match(lora.stderr, /Cannot use --lora 40: the rank must be an integer from 1 to/);
  match(policy.stderr, /policy "embeded".*did you mean "embedded"/);
  match(missing.stderr, /Cannot find policy "nobody\/nothing"/);
  const run = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, "bench", "--expect-tokens=9"],
    stderr: "piped",
  });
  const { code, stderr } = await run.output();
  equal(code, 2);
  match(new TextDecoder().decode(stderr), /Cannot use --expect-tokens without --dry-run/);
  equal(existsSync("results/arithmetic"), false);
});

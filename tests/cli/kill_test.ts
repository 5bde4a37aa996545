// `kill -9` at twenty random moments, on the real engine: the same command goes on each time, and in the end the records
// are byte for byte those of a run that nobody killed.

import { deepEqual, equal, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stream } from "../../harness/base/prng.ts";
import { sha256 } from "../../harness/base/digest.ts";
import { canonicalJson } from "../../harness/base/canonical_json.ts";
import { readCellRecord, readExperiment, readSteps } from "../../harness/records/store.ts";
import { kill } from "../fakes/kill.ts";
import { withFolder } from "../model/tiny_policy.ts";
import { makeRandomPolicy } from "../rl/length_task.ts";

const program = fileURLToPath(new URL("../../harness/cli/main.ts", import.meta.url));
const taskFile = fileURLToPath(new URL("../fakes/length_task_file.ts", import.meta.url));
const KILLS = 20;

const settings = [
  "rl.updates=120",
  "rl.questions=3",
  "rl.completions=4",
  "rl.maxPromptTokens=64",
  "rl.maxCompletionTokens=10",
  "rl.learningRate=0.001",
  "evaluation.every=15",
  "evaluation.validationItems=7",
  "evaluation.testItems=7",
];

function bench(policy: string, out: string): Deno.ChildProcess {
  const flags = ["--arms=memory-r+,replay", "--seeds=0", "--jobs=2", "--threads=1", "--checkpoint-every=1"];
  const where = [`--policy=${policy}`, `--task-file=${taskFile}`, `--out=${out}`];
  const args = ["run", "-A", "--no-check", program, "bench", "length", ...flags, ...where];
  return new Deno.Command(Deno.execPath(), {
    args: [...args, ...settings.map((one) => `--set=${one}`)],
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

async function succeed(child: Deno.ChildProcess): Promise<void> {
  const { code, stderr } = await child.output();
  equal(code, 0, new TextDecoder().decode(stderr));
}

/** What must be the same: outcomes, steps without their timing, samples. */
async function traceOf(out: string): Promise<unknown> {
  const { status, cells } = await readExperiment(join(out, "experiment.json"));
  const traces = await Promise.all(cells.map(async ({ folder }) => {
    const cell = join(out, folder), { outcome, digest, status } = await readCellRecord(join(cell, "record.json"));
    const steps = (await readSteps(join(cell, "steps.jsonl"))).map((step) => ({ ...step, timing: null }));
    const checkpoints = readdirSync(join(cell, "checkpoints")).sort();
    const last = sha256(readFileSync(join(cell, "checkpoints", checkpoints.at(-1)!)));
    const samples = readFileSync(join(cell, "samples.jsonl"), "utf8");
    return { folder, outcome, digest, status, steps: canonicalJson(steps), samples, checkpoints, last };
  }));
  return { status, traces };
}

Deno.test("bench killed at twenty random moments and run again ends with byte-identical records", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy"), whole = join(parent, "whole");
    await makeRandomPolicy(policy);
    const started = performance.now();
    await succeed(bench(policy, whole));
    const span = performance.now() - started;
    const expected = await traceOf(whole);

    for (let kills = 0, folders = 0; kills < KILLS; folders++) {
      const killed = join(parent, `killed-${folders}`);
      for (let done = false; !done;) {
        const child = bench(policy, killed), random = stream(kills, "kill test");
        const timer = setTimeout(() => {
          // Every other time its cells die with it; else they are orphans, and must end by themselves.
          kill(child, { family: kills++ % 2 === 0 });
        }, kills < KILLS ? span * (0.2 + 0.4 * random.uniform()) : 1e6);
        const { success, signal, stderr } = await child.output();
        clearTimeout(timer);
        ok(success || signal === "SIGKILL", new TextDecoder().decode(stderr));
        done = success;
      }
      deepEqual(await traceOf(killed), expected);
    }
  });
});

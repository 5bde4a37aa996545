// A cell that is stopped and goes on ends with the bytes of one that never was: outcome, steps, samples, checkpoints.

import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { canonicalJson } from "../../harness/base/canonical_json.ts";
import { bytesOf, sha256 } from "../../harness/base/digest.ts";
import { FailureError } from "../../harness/base/errors.ts";
import { stream } from "../../harness/base/prng.ts";
import { type ConfigInput, parseConfig } from "../../harness/config.ts";
import type { Arm, CellEvent, Outcome, RewardShaper } from "../../harness/contract.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { stepChain } from "../../harness/records/store.ts";
import { checkpointSteps, readCheckpoint } from "../../harness/rl/checkpoint.ts";
import type { Cell } from "../../harness/rl/open_cell.ts";
import { trainCell } from "../../harness/rl/train.ts";
import { withFolder } from "../model/tiny_policy.ts";
import { lengthTask, makeRandomPolicy } from "./length_task.ts";

const CONFIG: ConfigInput = {
  rl: {
    updates: 12,
    questions: 3,
    completions: 4,
    maxPromptTokens: 64,
    maxCompletionTokens: 10,
    learningRate: 0.01,
    redraws: 1,
    replay: 1,
    schedule: "cosine",
  },
  evaluation: { every: 4, validationItems: 6, testItems: 6, samples: 2, batch: 4, checkpoint: "best" },
};

/** Remembers how often it has seen each first character, and rewards rare ones. */
function rarity(): RewardShaper {
  const seen = new Int32Array(256);
  return {
    shape: ({ groups }) =>
      Promise.resolve(groups.map(({ completions }) => {
        const raw = completions.map(({ text }) => 1 / (1 + seen[text.charCodeAt(0) & 255]!++));
        return [{ name: "rarity", raw, values: raw }];
      })),
    gauges: () => ({ different: seen.filter((count) => count > 0).length }),
    save: () => ({ seen: bytesOf(seen).slice() }),
    load: ({ seen: bytes }) => Promise.resolve(seen.set(new Int32Array(bytes!.slice().buffer))),
  };
}
const arm: Arm = { name: "rarity", summary: "", trains: true, overrides: {}, shaper: rarity };

interface Run {
  readonly events: readonly CellEvent[];
  readonly last: CellEvent;
}

/** Runs the cell of a policy folder until it ends or `stopAt` says so. */
async function run(
  policy: string,
  folder: string,
  changes: Partial<Cell> = {},
  stopAt: (event: CellEvent) => boolean = () => false,
): Promise<Run> {
  const events: CellEvent[] = [], stop = new AbortController();
  const cell: Cell = {
    task: lengthTask,
    taskOptions: { dataDir: null, level: 1 },
    policy: await readPolicy(policy),
    arm,
    seed: 0,
    config: parseConfig(CONFIG, "test"),
    device: "cpu",
    threads: 1,
    matched: { config: sha256("config"), places: 36 },
    checkpoints: { folder, every: 3, keep: 2 },
    resumeAt: Infinity,
    validationOnly: false,
    ...changes,
  };
  await trainCell(cell, (event) => {
    events.push(event);
    if (stopAt(event)) stop.abort();
  }, stop.signal);
  return { events, last: events.at(-1)! };
}

function outcomeOf({ last }: Run): Outcome {
  if (last.type !== "finished") throw new Error(`the last event is ${last.type}`);
  return last.outcome;
}

/** The steps of runs that went on from each other, those that were done again replaced; without timing. */
function stepsOf(runs: readonly Run[]): string[] {
  const lines: string[] = [];
  for (const { events } of runs) {
    for (const event of events) {
      if (event.type === "resumed") lines.length = event.step;
      if (event.type === "step") lines.push(canonicalJson({ ...event.record, timing: null }));
    }
  }
  return lines;
}

const samplesOf = ({ events }: Run) => events.filter((event) => event.type === "sample");
const digestsOf = (folder: string) =>
  Object.fromEntries(
    [...Deno.readDirSync(folder)].map(({ name }) => [name, sha256(Deno.readFileSync(join(folder, name)))]),
  );

Deno.test("trainCell() stopped at any moment and resumed ends with the same bytes as never stopped", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy");
    await makeRandomPolicy(policy);
    const whole = await run(policy, join(parent, "whole")), expected = outcomeOf(whole);
    strictEqual(expected.updates, 12);
    notStrictEqual(expected.finalWeights, expected.match.weights);
    let chain = sha256("");
    for (const event of whole.events) if (event.type === "step") chain = stepChain(chain, event.record);
    strictEqual(expected.steps, chain);

    for (let attempt = 0; attempt < 8; attempt++) {
      const folder = join(parent, `stopped-${attempt}`), random = stream(attempt, "resume test");
      const runs: Run[] = [];
      do {
        let left = 1 + random.int(whole.events.length); // of any kind: in a step, in an evaluation, at the very end
        runs.push(await run(policy, folder, {}, () => --left === 0));
      } while (runs.at(-1)!.last.type === "stopped");
      deepStrictEqual(outcomeOf(runs.at(-1)!), expected);
      deepStrictEqual(stepsOf(runs), stepsOf([whole]));
      deepStrictEqual(samplesOf(runs.at(-1)!), samplesOf(whole));
      strictEqual(
        digestsOf(folder)["step-000012.checkpoint"],
        digestsOf(join(parent, "whole"))["step-000012.checkpoint"],
      );
    }
  });
});

Deno.test("trainCell() in float16 goes on with its loss scale; checkpoints of float32 have none", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy");
    await makeRandomPolicy(policy);
    const half: Partial<Cell> = { precision: "float16" };
    const whole = await run(policy, join(parent, "whole"), half), folder = join(parent, "stopped");
    const stopped = await run(policy, folder, half, (event) => event.type === "step" && event.record.step === 7);
    const resumed = await run(policy, folder, half);
    deepStrictEqual(outcomeOf(resumed), outcomeOf(whole));
    deepStrictEqual(stepsOf([stopped, resumed]), stepsOf([whole]));
    deepStrictEqual(
      digestsOf(folder)["step-000012.checkpoint"],
      digestsOf(join(parent, "whole"))["step-000012.checkpoint"],
    );
    const saved = async (place: string) => (await readCheckpoint(place, 12)).sections;
    strictEqual(new TextDecoder().decode((await saved(folder)).lossScale), '{"good":12,"value":4096}');

    const wide = await run(policy, join(parent, "wide"));
    notStrictEqual(outcomeOf(wide).finalWeights, outcomeOf(whole).finalWeights);
    ok(!("lossScale" in await saved(join(parent, "wide"))));
  });
});

Deno.test("trainCell() stops after the update in flight, with a checkpoint of it", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy"), folder = join(parent, "checkpoints");
    await makeRandomPolicy(policy);
    const { last } = await run(policy, folder, {}, (event) => event.type === "step" && event.record.step === 5);
    deepStrictEqual(last, { type: "stopped", step: 5 });
    strictEqual((await checkpointSteps(folder)).at(-1), 5);
    const resumed = await run(policy, folder);
    deepStrictEqual(resumed.events.find(({ type }) => type !== "phase")?.type, "resumed");
    deepStrictEqual(resumed.events.flatMap((event) => event.type === "step" ? [event.record.step] : [])[0], 6);
  });
});

Deno.test("trainCell() keeps the newest checkpoints and the best on validation", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy");
    await makeRandomPolicy(policy);
    for (const keep of [0, 1, 2, 99]) {
      const folder = join(parent, `keep-${keep}`);
      const outcome = outcomeOf(await run(policy, folder, { checkpoints: { folder, every: 3, keep } }));
      const written = [3, 4, 6, 8, 9, 12]; // every third, those before an evaluation, the last
      const validation = outcome.evaluations.filter(({ split }) => split === "validation");
      const best = validation.reduce((a, b) => b.accuracy > a.accuracy ? b : a).step;
      strictEqual(outcome.evaluatedStep, best);
      const kept = keep === 0 ? [] : written.filter((step, i) => i >= written.length - keep || step === best);
      deepStrictEqual(await checkpointSteps(folder), kept);
    }
  });
});

Deno.test("trainCell() passes over a damaged checkpoint for the one before, and says so", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy"), folder = join(parent, "checkpoints");
    await makeRandomPolicy(policy);
    const checkpoints = { folder, every: 3, keep: 99 };
    const expected = outcomeOf(await run(policy, folder, { checkpoints }));
    const path = join(folder, "step-000012.checkpoint"), bytes = await Deno.readFile(path);
    bytes[bytes.length - 5]! ^= 1;
    await Deno.writeFile(path, bytes);
    await Deno.truncate(join(folder, "step-000009.checkpoint"), 1000);
    await Deno.remove(join(folder, "step-000008.checkpoint"));
    const resumed = await run(policy, folder, { checkpoints });
    const warnings = resumed.events.flatMap((event) => event.type === "warning" ? [event.message] : []);
    strictEqual(warnings.length, 2);
    match(warnings[0]!, /step-000012\.checkpoint": section ".+" does not have its digest/);
    match(warnings[1]!, /step-000009\.checkpoint": it ends early/);
    deepStrictEqual(resumed.events.flatMap((event) => event.type === "resumed" ? [event.step] : []), [6]);
    deepStrictEqual(outcomeOf(resumed), expected);
    const passed = await run(policy, folder, { checkpoints, resumeAt: 5 });
    deepStrictEqual(passed.events.flatMap((event) => event.type === "resumed" ? [event.step] : []), [4]);
    deepStrictEqual(outcomeOf(passed), expected);
  });
});

Deno.test("trainCell() refuses a checkpoint of another policy", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy"), folder = join(parent, "checkpoints");
    await makeRandomPolicy(policy);
    await run(policy, folder);
    const config = parseConfig({ ...CONFIG, evaluation: { ...CONFIG.evaluation, checkpoint: "last" } }, "test");
    const other = await readPolicy(policy);
    const wider = { ...other, weights: { ...other.weights, data: new Float32Array(other.weights.data.length + 1) } };
    await rejects(run(policy, folder, { policy: wider, config }), (error) => error instanceof FailureError);
  });
});

Deno.test("trainCell() ends with the update that uses up its token budget", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy");
    await makeRandomPolicy(policy);
    const config = parseConfig({ ...CONFIG, rl: { ...CONFIG.rl, tokens: 900 } }, "test");
    const result = await run(policy, join(parent, "checkpoints"), { config }), outcome = outcomeOf(result);
    strictEqual(outcome.endedBy, "tokens");
    const used = result.events.flatMap((event) =>
      event.type === "step" ? [event.record.tokens.prompt + event.record.tokens.completion] : []
    );
    const total = used.reduce((sum, tokens) => sum + tokens, 0);
    ok(total >= 900 && total - used.at(-1)! < 900);
    strictEqual(outcome.tokens.prompt + outcome.tokens.completion, total);
    strictEqual(outcome.updates, used.length);
  });
});

Deno.test("trainCell() refuses a task whose grader does not know its own gold answers", async () => {
  await withFolder(async (parent) => {
    const policy = join(parent, "policy");
    await makeRandomPolicy(policy);
    const task = { ...lengthTask, answer: () => "wrong" };
    await rejects(run(policy, join(parent, "checkpoints"), { task }), (error: Error) => {
      match(error.message, /^Cannot train on task "length": its rewards fail their self-test \(.+deno task doctor/);
      return error instanceof FailureError;
    });
  });
});

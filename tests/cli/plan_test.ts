// The command: its answer against power that is simulated here, its table, its refusals, and the examples of its help.
// The arithmetic of power is asked in tests/stats.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { Command } from "commander";
import { stream } from "../../harness/base/prng.ts";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import { addPlan } from "../../harness/cli/plan.ts";
import { bundleText, toBundle } from "../../harness/records/bundle.ts";
import { twoWay, twoWayP } from "../../harness/stats/two_way.ts";
import { fakeResults } from "../fakes/results.ts";
import { examplesOf, helpOf, ran } from "./captured.ts";

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const run = (...args: string[]) => ran(addPlan, "plan", ...args);

const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout);

/** Scores of an arm: a question is right with a chance that differs by seed. [seeds][questions] */
function scores(name: string, chances: readonly number[], questions = 60): number[][] {
  return chances.map((chance, seed) => {
    const random = stream(seed, name);
    return Array.from({ length: questions }, () => random.uniform() < chance ? 1 : 0);
  });
}

const results = fakeResults({
  scores: {
    grpo: scores("grpo", [0.4, 0.5, 0.45, 0.5]),
    "memory-r": scores("memory-r", [0.5, 0.6, 0.5, 0.55]),
    rloo: scores("rloo", [0.45, 0.5, 0.4, 0.5]),
  },
});
const bundle = join(folder, "bundle.json");
await Deno.writeTextFile(bundle, bundleText(toBundle(results, { completions: false })));

Deno.test("plan --help shows examples, and each of them runs", async () => {
  const program = new Command();
  addPlan(program, () => {});
  const examples = examplesOf(helpOf(program.commands[0]!)).map((words) => words.slice(1));
  equal(examples.length, 4);
  for (const words of examples) {
    const { code, stdout } = await run(...words.map((word) => word.startsWith("baselines/") ? bundle : word));
    equal(code, 0, words.join(" "));
    match(stdout, /^(\d+ seeds with \d+ questions see an effect of|With \d+ questions no number of seeds)/);
    match(stdout, /^seeds +\d+ questions/m);
  }
});

Deno.test("plan says of a simple case what a simulation of it says", async () => {
  const { seedsNeeded, table, answer } = await json(
    ...["--effect", "10", "--changed", "0.3", "--seed-sd", "5", "--item-sd", "0", "--items", "100", "--seeds", "4,6,8"],
  );
  match(answer, /^\d seeds with 100 questions see an effect of 10 points with 80 % power \(two-sided, 95 % level\)\.$/);
  const simulated = (seeds: number) => {
    const tries = 400;
    let seen = 0;
    for (let i = 0; i < tries; i++) {
      const random = stream(i, "plan", seeds), residual = Math.sqrt(0.3 - 0.0025);
      const values = Array.from({ length: seeds }, () => {
        const effect = 0.1 + 0.05 * random.normal();
        return Float64Array.from({ length: 100 }, () => effect + residual * random.normal());
      });
      const test = twoWay(values);
      if (test.mean > 0 && twoWayP(test) < 0.05) seen++;
    }
    return seen / tries;
  };
  for (const { seeds, cells: [{ power }] } of table) {
    ok(Math.abs(power - simulated(seeds)) < 0.1, `${seeds} seeds: ${power} is not about ${simulated(seeds)}`);
  }
  const enough = table.filter(({ cells }: { cells: { power: number }[] }) => cells[0]!.power >= 0.8);
  equal(enough.every(({ seeds }: { seeds: number }) => seeds >= seedsNeeded), true);
});

Deno.test("plan wants more seeds for less effect, more power, and more arms", async () => {
  const needed = async (...args: string[]) => (await json("--items", "2048", ...args)).seedsNeeded;
  const two = await needed("--effect", "2");
  ok(await needed("--effect", "1.5") > two);
  ok(await needed("--effect", "2", "--power", "0.95") > two);
  ok(await needed("--effect", "2", "--level", "0.99") > two);
  const { family } = await json("--effect", "2", "--items", "2048", "--arms", "5");
  equal(family.arms, 5);
  equal(family.seedsNeeded, await needed("--effect", "2", "--level", "0.99")); // 5 % among five arms
});

Deno.test("plan --from measures the plan's first comparison, counts its arms, and tells the cost", async () => {
  const plan = await json("--effect", "20", "--from", bundle);
  match(plan.basis, /: memory-r - grpo is -?\d+\.\d points over 4 seeds and 60 questions; it deviates by /);
  deepEqual([plan.items, plan.family.arms], [60, 2]);
  equal(plan.cost.seeds, plan.family.seedsNeeded);
  equal(plan.cost.tokens, plan.cost.seeds * 2 * 300); // 100 prompt and 200 completion tokens a cell
  ok(plan.detectable > 0);
  match(
    (await json("--effect", "5", "--from", bundle, "--arm", "rloo", "--against", "memory-r")).basis,
    /rloo - memory-r/,
  );
});

Deno.test("plan --from results without answers plans seeds alone", async () => {
  const bare = { ...results, cells: results.cells.map((cell) => ({ ...cell, answers: null })) };
  const path = join(folder, "bare.json");
  await Deno.writeTextFile(path, bundleText(toBundle(bare, { completions: false })));
  const plan = await json("--effect", "5", "--from", path);
  deepEqual(plan.table[0].cells.map(({ items }: { items: number }) => items), [60]);
  equal(plan.table[0].itemsNeeded, null);
  await rejects(run("--effect", "5", "--from", path, "--items", "100"), /the answers were not kept/);
});

Deno.test("plan says so where no number of seeds suffices", async () => {
  const { seedsNeeded, answer } = await json("--effect", "1", "--changed", "0.2", "--item-sd", "30", "--items", "100");
  equal(seedsNeeded, null);
  match(answer, /^With 100 questions no number of seeds up to 1000 suffices: it takes at least \d{4} questions\.$/);
});

Deno.test("plan shows the names of hostile results as text", async () => {
  const hostile = "x\u001b[2J\u202e", path = join(folder, "hostile.json");
  const scores = { grpo: [[1, 0, 1], [0, 0, 1]], [hostile]: [[1, 1, 0], [0, 1, 1]] };
  await Deno.writeTextFile(path, bundleText(toBundle(fakeResults({ scores }), { completions: false })));
  const { stdout } = await run("--effect", "5", "--from", path);
  // deno-lint-ignore no-control-regex
  ok(!/[\x1b\u202e]/.test(stdout) && stdout.includes("x\\x1b[2J"), JSON.stringify(stdout));
  // deno-lint-ignore no-control-regex
  await rejects(run("--effect", "5", "--from", path, "--arm", "y"), (error) => !/[\x1b\u202e]/.test(String(error)));
});

Deno.test("plan refuses what it cannot plan, naming the remedy", async () => {
  const refusals: [string[], RegExp][] = [
    [["--effect", "0"], /Cannot use --effect 0: it must be a number above 0 and below 100/],
    [["--effect", "x"], /Cannot use --effect x/],
    [["--effect", "2", "--power", "1"], /Cannot use --power 1/],
    [["--effect", "2", "--power", "0.04"], /Cannot use --power: it must be above 1 - level/],
    [["--effect", "2", "--seeds", "3,1"], /Cannot use --seeds 1: it must be an integer of at least 2/],
    [
      ["--effect", "2", "--item-sd", "40"],
      /need more than 4\.0 % of the questions to change … state a larger --changed/,
    ],
    [["--effect", "2", "--arm", "grpo"], /Cannot use --arm: it needs --from/],
    [["--effect", "2", "--from", bundle, "--seed-sd", "1"], /Cannot use --seed-sd: with --from it is measured/],
    [
      ["--effect", "2", "--from", bundle, "--arm", "rlo"],
      /no arm "rlo" \(did you mean "rloo"\?\) … use --arm with one of/,
    ],
    [["--effect", "2", "--from", bundle, "--arm", "grpo"], /Cannot compare grpo with itself/],
  ];
  for (const [args, message] of refusals) {
    await rejects(run(...args), (error) => error instanceof MisuseError && message.test(error.message), args.join(" "));
  }
  const one = fakeResults({ scores: { grpo: [[1, 0]], rloo: [[0, 1]] } }), path = join(folder, "one.json");
  await Deno.writeTextFile(path, bundleText(toBundle(one, { completions: false })));
  await rejects(
    run("--effect", "2", "--from", path),
    (error) => error instanceof FailureError && /two seeds/.test(error.message),
  );
});

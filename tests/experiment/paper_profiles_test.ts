// The paper's profiles against the facts that were collected of its runs, field by field, and against what bench resolves.

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { main } from "../../harness/cli/main.ts";
import { configFields } from "../../harness/config.ts";
import { defaultConfig, overrideConfig, overrideFields } from "../../harness/config_options.ts";
import { aimoRecipe, gsm8kRecipe, type RecipeRow } from "../../harness/experiment/paper_profiles.ts";
import { findProfile } from "../../harness/experiment/profiles.ts";
import { findTask } from "../../tasks/registry.ts";
import facts from "../fixtures/memory_r_recipe.json" with { type: "json" };

const recipes = [
  { profile: "paper", recipe: gsm8kRecipe, facts: facts.gsm8k },
  { profile: "paper-aimo", recipe: aimoRecipe, facts: facts.aimo },
] as const;

const rowOf = (recipe: readonly RecipeRow[], field: string) => {
  const found = recipe.filter((row) => row.field === field);
  equal(found.length, 1, field);
  return found[0]!;
};

for (const { profile, recipe, facts: known } of recipes) {
  Deno.test(`profile "${profile}" says of every known fact what the paper had, and where that is said`, () => {
    for (const source of ["v1", "code", "trl", "derived"] as const) {
      for (const [field, value] of Object.entries(known[source])) {
        const row = rowOf(recipe, field);
        equal(row.paper, value, field);
        ok(row.source.toLowerCase().includes(source), `${field}: ${row.source}`);
      }
    }
  });

  Deno.test(`profile "${profile}" has a row for every field that a run follows from, and a reason wherever it differs`, () => {
    const fields = configFields.map(({ key }) => key).filter((key) => /^(rl|memory|cosine|evaluation)\./.test(key));
    for (const field of fields) rowOf(recipe, field);
    equal(new Set(recipe.map(({ field }) => field)).size, recipe.length);
    for (const { field, value, paper, source, note } of recipe) {
      if (paper !== value) notEqual(note, "", `${field} differs without a reason`);
      equal(paper === null, source === "", `${field}: only what is not known has no source`);
    }
  });

  Deno.test(`profile "${profile}" resolves to its rows over the defaults of its task`, () => {
    const { task = "", policy, arms, seeds, config } = findProfile(profile);
    const tasked = overrideFields(defaultConfig, findTask(task).defaults, task);
    const resolved = overrideConfig(tasked, config, profile);
    for (const [group, values] of Object.entries(resolved)) {
      for (const [name, value] of Object.entries(values)) {
        const row = recipe.find(({ field }) => field === `${group}.${name}`);
        if (row) equal(row.value, value, row.field);
        else equal(value, new Map(Object.entries(Object(defaultConfig)[group])).get(name));
      }
    }
    equal(policy, rowOf(recipe, "policy").paper);
    equal(seeds.length, facts.seeds);
    equal(arms.length, facts.arms.length);
    deepEqual(arms, ["base", "grpo", "cosine", "memory-r", "memory-r+"]);
  });

  Deno.test(`profile "${profile}" has as many updates as the paper's epochs, and explores after as many as it says`, () => {
    const { rl, memory } = overrideConfig(defaultConfig, findProfile(profile).config, profile);
    const epoch = Math.floor(known.v1["training questions"] / rl.questions);
    equal(rl.updates, known.epochs * epoch);
    const held = Array.from({ length: rl.updates }, (_, step) => step / rl.updates < memory.warmup ? 1 : 0);
    equal(held.reduce<number>((sum, one) => sum + one, 0), known.warmupUpdates);
  });
}

Deno.test("bench --print-config shows a paper's profile beside the paper, with what the command changes, and runs nothing", async () => {
  const { log, error } = console;
  let printed = "";
  console.log = (text: unknown) => printed += `${text}\n`;
  console.error = (text: unknown) => printed += `${text}\n`;
  const run = async (...args: string[]) => {
    printed = "";
    return { code: await main(["bench", ...args]), printed };
  };
  try {
    const paper = await run("--profile", "paper", "--print-config", "--set", "rl.klBeta=0");
    equal(paper.code, 0);
    match(paper.printed, /^policy +Qwen\/Qwen2\.5-0\.5B-Instruct +same +v1 section 3: /m);
    match(paper.printed, /^rl\.klBeta +0 +! 0\.04 +TRL: the paper states none$/m);
    match(paper.printed, /^rl\.learningRate +0\.000005 +same +v1 table 4$/m);
    match(paper.printed, /^memory\.key +question +! as-released +code: /m);
    match(paper.printed, /^rl\.topK +0 +not known +/m);
    const smoke = await run("gsm8k", "--profile", "smoke", "--print-config");
    match(smoke.printed, /^rl\.updates +6 +120$/m);
    match(smoke.printed, /^rl\.maxCompletionTokens +200 +64$/m);
    const other = await run("arithmetic", "--profile", "paper");
    equal(other.code, 2);
    match(other.printed, /Cannot use --profile paper with task arithmetic: it is the recipe of gsm8k/);
  } finally {
    Object.assign(console, { log, error });
  }
});

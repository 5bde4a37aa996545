// The self-test against tasks and policies with one planted fault each: it finds the fault, names the item, and finds
// nothing in what ships.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { defaultConfig, overrideConfig } from "../../harness/config_options.ts";
import type { Task, TaskData, TaskItem } from "../../harness/contract.ts";
import { ChatTemplate } from "../../harness/model/chat_template.ts";
import { readPolicy } from "../../harness/model/policy.ts";
import { PolicyTokenizer } from "../../harness/model/tokenizer.ts";
import { residentWeights } from "../../harness/model/transformer.ts";
import { runLength } from "../../harness/rl/run_shapes.ts";
import { Sampler } from "../../harness/rl/sampler.ts";
import { type Check, checkPrompts, checkRewards, checkRollouts, selfTestTask } from "../../harness/rl/self_test.ts";
import { chooseRuntime } from "../../harness/runtime/choose.ts";
import { parseJson } from "../../harness/base/json_file.ts";
import { tasks } from "../../tasks/registry.ts";

const arithmetic = tasks[0]!;
const data = await arithmetic.load({ dataDir: null, level: 2 });
const embedded = fileURLToPath(new URL("../../harness/model/embedded/", import.meta.url));
const policy = await readPolicy(embedded);
const N = 20;

/** Names of the checks that found a problem. */
const failed = (checks: readonly Check[]) =>
  checks.filter(({ problems }) => problems.length > 0).map(({ name }) => name);

/** The task's data with the first training item changed. */
function withItem(change: Partial<TaskItem>): TaskData {
  const { train } = data.splits;
  const item = (index: number) => index === 0 ? { ...train.item(0), ...change } : train.item(index);
  return { ...data, splits: { ...data.splits, train: { size: train.size, item } } };
}

Deno.test("selfTestTask() finds nothing in the tasks' generators, at any level", async () => {
  for (const level of [1, 2, 3]) {
    deepEqual(selfTestTask(arithmetic, await arithmetic.load({ dataDir: null, level }), 50), []);
  }
});

Deno.test("selfTestTask() names an item whose gold answer is empty or cannot be parsed", () => {
  const { id } = data.splits.train.item(0);
  for (const gold of ["", " \n", "twelve", "1 080"]) {
    const [problem] = selfTestTask(arithmetic, withItem({ gold }), N);
    match(problem ?? "", new RegExp(`^Cannot pay for "${id}": its gold answer .*(is empty|graded "unparseable") … `));
  }
});

Deno.test("selfTestTask() looks at the first n items of each split and no farther", () => {
  const { validation } = data.splits;
  const item = (index: number) => ({ ...validation.item(index), gold: index === 5 ? "" : validation.item(index).gold });
  const spoiled = { ...data, splits: { ...data.splits, validation: { size: 6, item } } };
  deepEqual(selfTestTask(arithmetic, spoiled, 5), []);
  ok(selfTestTask(arithmetic, spoiled, 6).length > 0);
  ok(selfTestTask(arithmetic, spoiled, 600).length > 0);
});

Deno.test("checkRewards() finds a grader that pays for what is near, for nothing, or not in full", () => {
  const graders: Readonly<Record<string, [Task["grade"], string[]]>> = {
    // By its beginning: "5" would be paid where "51" stands.
    prefix: [(item, text, cut) => {
      const grade = arithmetic.grade(item, text, cut);
      return grade.extracted?.startsWith(item.gold) ? { ...grade, status: "correct" } : grade;
    }, ["other answers are wrong"]],
    // By the gold number anywhere, one more allowed.
    near: [(item, text, cut) => {
      const { extracted, rewards, ...grade } = arithmetic.grade(item, text, cut);
      const right = extracted !== null && Math.abs(Number(extracted) - Number(item.gold)) <= 1;
      return right
        ? { ...grade, extracted, status: "wrong", rewards: [1, 0, 0, 0, 0] }
        : { ...grade, extracted, rewards };
    }, ["worked example", "gold answers are right", "other answers are wrong"]],
    empty: [(item, text, cut) => {
      const grade = arithmetic.grade(item, text, cut);
      return text === "" ? { ...grade, status: "correct" } : grade;
    }, ["no answer is wrong"]],
    stingy: [(item, text, cut) => {
      const grade = arithmetic.grade(item, text, cut), [correctness = 0, ...others] = grade.rewards;
      return item.id === data.splits.test.item(3).id ? { ...grade, rewards: [correctness / 2, ...others] } : grade;
    }, ["gold answers are right"]],
    short: [(item, text, cut) => ({ ...arithmetic.grade(item, text, cut), rewards: [1] }), [
      "worked example",
      "gold answers are right",
      "other answers are wrong",
      "no answer is wrong",
    ]],
    free: [(item, text, cut) => ({ ...arithmetic.grade(item, text, cut), rewards: [0, 0, 0, 0, 0] }), [
      "worked example",
    ]],
    throwing: [(item, text, cut) => {
      if (text === "") throw new TypeError("no text");
      return arithmetic.grade(item, text, cut);
    }, ["no answer is wrong"]],
  };
  for (const [name, [grade, expected]] of Object.entries(graders)) {
    deepEqual(failed(checkRewards({ ...arithmetic, grade }, data, N)), expected, name);
  }
});

Deno.test("checkRewards() finds a worked example that is wrong", () => {
  const { item } = arithmetic.example;
  const example = { item, completion: arithmetic.answer(item, "999") };
  deepEqual(failed(checkRewards({ ...arithmetic, example }, data, N)), ["worked example"]);
});

Deno.test("checkRewards() takes text and decimals for gold answers, and their near misses for wrong", () => {
  const grade: Task["grade"] = (item, text) => ({
    status: text === item.gold ? "correct" : text === "" ? "unparseable" : "wrong",
    extracted: text || null,
    rewards: [text === item.gold ? 2 : 0],
  });
  const task: Task = {
    ...arithmetic,
    rewards: ["correctness"],
    grade,
    answer: (_, answer) => answer,
    example: { item: { id: "example", question: "What?", gold: "yes" }, completion: "yes" },
  };
  for (const gold of ["yes", "2.5", "-1", "90071992547409931", "x^2"]) {
    deepEqual(selfTestTask(task, withItem({ gold }), N), []);
  }
});

const caps = defaultConfig.rl;
const prompts = (template: string, limits: Partial<typeof caps> = {}) => {
  const json = (name: string) => parseJson(Deno.readTextFileSync(`${embedded}/${name}`), name);
  const object = (value: unknown) => Object.fromEntries(Object.entries(Object(value)));
  const chat = new ChatTemplate(template, "chat_template.jinja", {});
  const { config } = policy, files = ["tokenizer.json", "tokenizer_config.json"].map((name) => object(json(name)));
  const tokenizer = new PolicyTokenizer(files[0]!, files[1]!, "tokenizer.json", chat, config, config.eosTokenIds);
  return checkPrompts(arithmetic, data, { config, tokenizer }, { ...caps, ...limits }, N);
};

const turns = (turn: string) => `{% for m in messages %}${turn}{% endfor %}`;
const ask = "{% if add_generation_prompt %}<|assistant|>{% endif %}";

Deno.test("checkPrompts() finds nothing in the policies that ship, and names their end of sequence", async () => {
  for (const name of ["embedded", "embedded-cold"]) {
    const found = await readPolicy(fileURLToPath(new URL(`../../harness/model/${name}/`, import.meta.url)));
    const checks = checkPrompts(arithmetic, data, found, caps, N);
    deepEqual(failed(checks), []);
    match(checks.at(-1)!.found, /^\d+ "<\|end\|>"$/);
  }
});

Deno.test("checkPrompts() takes every way to begin an answer, also that of a template that refuses two questions in a row", () => {
  const refusing = turns(
    "{% if m.role == 'user' and not loop.first and messages[loop.index0 - 1].role == 'user' %}" +
      "{{ raise_exception('roles must alternate') }}{% endif %}" +
      "{% if m.role == 'assistant' %} {{ m.content }}{% else %}[INST]{{ m.content | trim }}[/INST]{% endif %}",
  );
  for (const template of [refusing, turns("<|{{ m.role }}|>{{ m.content }}\n") + ask]) {
    deepEqual(failed(prompts(template)), []);
  }
});

Deno.test("checkPrompts() finds a template that was not applied, drops the question, or does not begin an answer", () => {
  const wrong = {
    bare: turns("{{ m.content }}\n"),
    without: turns("{% if m.role == 'system' %}<|user|>{{ m.content }}{% endif %}") + ask,
    unasked: turns("<|{{ m.role }}|>{{ m.content }}"),
    other: turns("<|{{ m.role }}|>{{ m.content }}") + "<|user|>",
  };
  for (const [name, template] of Object.entries(wrong)) {
    const checks = prompts(template);
    deepEqual(failed(checks), ["chat template is applied"], name);
    match(
      checks[0]!.problems[0]!,
      /^Cannot ask "arithmetic-\w+": .* correct the chat template of "chat_template\.jinja"$/,
    );
  }
});

Deno.test("checkPrompts() finds prompts that exceed rl.maxPromptTokens or the context, and says the right size", () => {
  const template = policy.tokenizer.template.text;
  const [problem = ""] = prompts(template, { maxPromptTokens: 30 })[1]!.problems;
  const [, length] = /has (\d+) tokens and rl\.maxPromptTokens is 30 … raise it with --set rl\.maxPromptTokens=\1$/
    .exec(problem) ?? [];
  deepEqual(failed(prompts(template, { maxPromptTokens: Number(length) })), []);
  deepEqual(failed(prompts(template, { maxPromptTokens: Number(length) - 1 })), ["prompts fit"]);
  match(prompts(template, { maxCompletionTokens: 1024 })[1]!.problems[0]!, /exceed the context of 1024/);
});

Deno.test("checkPrompts() finds an end of sequence that is no token", () => {
  const tokenizer = Object.create(policy.tokenizer, { eosTokenIds: { value: [5000] } });
  tokenizer.decode = () => "";
  tokenizer.chat = policy.tokenizer.chat.bind(policy.tokenizer);
  const checks = checkPrompts(arithmetic, data, { config: policy.config, tokenizer }, caps, N);
  deepEqual(failed(checks), ["end of sequence exists"]);
});

/** Checks of the embedded policy's first answers. */
async function rollouts(task: Task, settings: object, groups = 12): Promise<Check[]> {
  const config = overrideConfig(defaultConfig, { rl: settings }, "the test"), { rl } = config;
  const runtime = chooseRuntime("cpu", 1, policy.weights.layout.size);
  const sampler = new Sampler(
    runtime,
    policy.config,
    policy.tokenizer.eosTokenIds,
    runLength(rl.maxPromptTokens, rl.maxCompletionTokens),
  );
  const limits = { maxPromptTokens: rl.maxPromptTokens, maxTokens: rl.maxCompletionTokens };
  const asker = { task, tokenizer: policy.tokenizer, sampler, ...limits };
  const checks = await checkRollouts(asker, residentWeights(policy.weights), data, config, { seed: 0, groups });
  await sampler.dispose();
  await runtime.dispose();
  return checks;
}

Deno.test("checkRollouts() finds nothing in the embedded policy on arithmetic, and says what it saw", async () => {
  const checks = await rollouts(arithmetic, {});
  deepEqual(failed(checks), []);
  equal(checks[0]!.found, "100.0 % of 96 within 64 tokens");
  match(checks[2]!.found, /^\d+\.\d % of 12 groups without variance, \d+\.\d % correct$/);
});

Deno.test("checkRollouts() finds an end of sequence that is not reached, and rewards that do not differ", async () => {
  deepEqual(failed(await rollouts(arithmetic, { maxCompletionTokens: 4, completions: 2 }, 4)), [
    "completions end",
    "rewards differ",
    "correctness differs",
  ]);
  const grade: Task["grade"] = (_item, text) => ({ status: "wrong", extracted: null, rewards: [0, text.length] });
  const [, rewards, correctness] = await rollouts({ ...arithmetic, rewards: ["correctness", "length"], grade }, {}, 4);
  deepEqual(rewards!.problems, []);
  match(correctness!.problems[0]!, /lower task\.level/);
  const off = await rollouts({ ...arithmetic, rewards: ["correctness", "length"], grade }, { formatWeight: 0 }, 4);
  deepEqual(failed(off), ["rewards differ", "correctness differs"]);
});

// Checks that a task pays for right answers and a policy can earn the pay, before anything is trained. Training hides such
// faults: a gold answer that the grader cannot read, a template that was not applied or an end-of-sequence token that is
// never drawn all look like a hard task. Three stages of rising cost: the rewards (milliseconds, no policy), the prompts
// (a tokenizer), and the first rollouts (weights). It judges the setup, not whether the policy will learn.

import type { Config } from "../config.ts";
import type { ItemSource, Message, Split, Task, TaskData, TaskItem } from "../contract.ts";
import type { Policy } from "../model/policy.ts";
import type { Resident } from "../runtime/session.ts";
import { hasVariance } from "./advantage.ts";
import { QuestionOrder } from "./question_order.ts";
import { type Asker, rollOut } from "./rollout.ts";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  /** What was seen. */
  readonly found: string;
  /** What is wrong and what to do, a sentence each; none where all is well. */
  readonly problems: readonly string[];
}

const splits: readonly Split[] = ["train", "validation", "test"];

/** What is wrong with a task's data and grader, by the first n items of each split; empty where nothing is. */
export function selfTestTask(task: Task, data: TaskData, n: number): string[] {
  return checkRewards(task, data, n).flatMap(({ problems }) => problems);
}

/** Gold answers earn the full correctness reward; what is near them, and nothing at all, does not. */
export function checkRewards(task: Task, data: TaskData, n: number): Check[] {
  const { example } = task;
  const items = splits.flatMap((split) => firstItems(data.splits[split], n));
  const full = task.grade(example.item, example.completion, false).rewards[0] ?? NaN;
  const problem = (item: TaskItem, what: string, remedy: string) => `Cannot pay for "${item.id}": ${what} … ${remedy}`;
  const dataRemedy = "correct the item, or the grader that reads it", graderRemedy = "correct the task's grader";

  /** What is wrong when a completion is graded that should be right, or should not. */
  const judge = (item: TaskItem, completion: string, right: boolean, named: string): string[] => {
    const { status, rewards } = task.grade(item, completion, false), [correctness = NaN] = rewards;
    if (rewards.length !== task.rewards.length || !rewards.every(Number.isFinite)) {
      const shown = `[${rewards.join(", ")}]`;
      return [problem(item, `${named} has the rewards ${shown}, not a number for each name`, graderRemedy)];
    }
    if (right && status !== "correct") return [problem(item, `${named} is graded "${status}"`, dataRemedy)];
    if (right && correctness < full) {
      return [problem(item, `${named} earns ${correctness} of ${full} for correctness`, dataRemedy)];
    }
    if (right || (status !== "correct" && correctness < full)) return [];
    return [problem(item, `${named} is graded "${status}" and earns ${correctness} for correctness`, graderRemedy)];
  };
  const gold = (item: TaskItem) =>
    item.gold.trim() === ""
      ? [problem(item, "its gold answer is empty", "correct the item")]
      : judge(item, task.answer(item, item.gold), true, `its gold answer ${quote(item.gold)}`);
  const nearly = (item: TaskItem) =>
    nearMisses(item.gold).flatMap((answer) =>
      judge(item, task.answer(item, answer), false, `the answer ${quote(answer)} to a gold ${quote(item.gold)}`)
    );
  const nothing = (item: TaskItem) => [
    ...judge(item, "", false, "the empty completion"),
    ...judge(item, task.answer(item, ""), false, "the empty answer"),
  ];
  const sure = (check: (item: TaskItem) => string[]) => (item: TaskItem) => {
    try {
      return check(item);
    } catch (error) {
      return [problem(item, `the grader throws ${error}`, graderRemedy)];
    }
  };
  const worked: Check = {
    name: "worked example",
    found: `correctness ${full}`,
    problems: full > 0
      ? sure((item) => judge(item, example.completion, true, "the task's example"))(example.item)
      : [problem(example.item, `the task's example earns ${full} for correctness`, graderRemedy)],
  };
  if (!(full > 0)) return [worked]; // nothing to measure the others by
  const graded = `${items.length} items`;
  return [
    worked,
    { name: "gold answers are right", found: graded, problems: items.flatMap(sure(gold)) },
    { name: "other answers are wrong", found: graded, problems: items.flatMap(sure(nearly)) },
    { name: "no answer is wrong", found: graded, problems: items.flatMap(sure(nothing)) },
  ];
}

/** Answers that look like the gold one and are not: one more, and a digit more. */
function nearMisses(gold: string): string[] {
  const next = /^-?\d+$/.test(gold) ? String(BigInt(gold) + 1n) : String(Number(gold) + 1);
  return [...(Number.isFinite(Number(next)) && next !== gold ? [next] : []), `${gold}1`];
}

/** The chat template turns questions into prompts that fit and that end where the assistant begins to speak. */
export function checkPrompts(
  task: Task,
  data: TaskData,
  { config, tokenizer }: Pick<Policy, "config" | "tokenizer">,
  { maxPromptTokens, maxCompletionTokens }: Pick<Config["rl"], "maxPromptTokens" | "maxCompletionTokens">,
  n: number,
): Check[] {
  const items = splits.flatMap((split) => firstItems(data.splits[split], n));
  const prompts = items.map((item) => {
    const messages = task.prompt(item);
    return { item, messages, ...tokenizer.chat(messages) };
  });
  const longest = prompts.reduce((a, b) => b.tokens.length > a.tokens.length ? b : a);
  const length = longest.tokens.length, { path } = tokenizer.template;
  const template = prompts.flatMap(({ item, messages, text }) => {
    const refuse = (what: string) => [`Cannot ask "${item.id}": ${what} … correct the chat template of "${path}"`];
    const bare = messages.map(({ content }) => content).join("");
    if (!text.includes(item.question.trim())) return refuse("the prompt lacks the question");
    if (squash(text) === squash(bare)) return refuse("the prompt is the bare text of the messages");
    if (!beginsAnswer(messages, text, (chat) => tokenizer.chat(chat).text)) {
      return refuse("the prompt does not end where the assistant begins to speak");
    }
    return [];
  });
  const lengths: string[] = [];
  if (length > maxPromptTokens) {
    lengths.push(
      `Cannot ask "${longest.item.id}": its prompt has ${length} tokens and rl.maxPromptTokens is ${maxPromptTokens} … raise it with --set rl.maxPromptTokens=${length}`,
    );
  }
  if (Math.min(length, maxPromptTokens) + maxCompletionTokens > config.maxPositions) {
    lengths.push(
      `Cannot answer "${longest.item.id}": a prompt of ${length} tokens and ${maxCompletionTokens} new ones exceed the context of ${config.maxPositions} … lower rl.maxCompletionTokens`,
    );
  }
  const ends = tokenizer.eosTokenIds.filter((id) => id < config.vocabSize);
  const known = ends.filter((id) => tokenizer.decode([id], { keepSpecial: true }) !== "");
  const named = (ids: readonly number[]) =>
    ids.map((id) => `${id} ${quote(tokenizer.decode([id], { keepSpecial: true }))}`).join(", ");
  return [
    { name: "chat template is applied", found: `${prompts.length} prompts`, problems: template },
    { name: "prompts fit", found: `longest ${length} of ${maxPromptTokens} tokens`, problems: lengths },
    {
      name: "end of sequence exists",
      found: named(tokenizer.eosTokenIds),
      problems: known.length > 0 ? [] : [
        `Cannot end a completion: no token of the policy is its end of sequence (${
          named(tokenizer.eosTokenIds)
        }) … correct eos_token_id in its config.json`,
      ],
    },
  ];
}

/**
 * Whether a prompt is what stands before an answer, and is not what stands before another question as well: then the
 * template knows no generation prompt. A template that refuses two questions in a row tells by the first half alone.
 */
function beginsAnswer(messages: readonly Message[], prompt: string, render: (chat: readonly Message[]) => string) {
  const before = (role: "assistant" | "user") => {
    try {
      return render([...messages, { role, content: "1" }]).startsWith(prompt);
    } catch {
      return role === "assistant";
    }
  };
  return before("assistant") && !before("user");
}

/** The first rollouts end, and differ in what they earn: without a difference there is nothing to learn from. */
export async function checkRollouts(
  asker: Asker,
  weights: Resident,
  data: TaskData,
  { rl, collapse }: Pick<Config, "rl" | "collapse">,
  { seed, groups: count }: { readonly seed: number; readonly groups: number },
): Promise<Check[]> {
  const order = new QuestionOrder(data.splits.train, seed);
  const items = Array.from({ length: count }, (_, i) => order.at(i));
  const sampling = { greedy: false, temperature: rl.temperature, topK: rl.topK, topP: rl.topP };
  const groups = await rollOut(asker, weights, items, rl.completions, sampling, {
    seed,
    purpose: "rollout",
    step: 0,
    places: items.map((_, i) => i),
  });
  const completions = groups.flatMap((group) => group.completions), grades = groups.flatMap((group) => group.grades);
  const share = (n: number, of: number) => `${(100 * n / of).toFixed(1)} %`;
  const ended = completions.filter(({ truncated }) => !truncated).length;
  const right = grades.filter(({ status }) => status === "correct").length;
  const flat = (reward: (rewards: readonly number[]) => number) =>
    groups.filter((group) => !hasVariance(group.grades.map(({ rewards }) => reward(rewards)))).length;
  const total = ([correctness = 0, ...others]: readonly number[]) =>
    rl.correctnessWeight * correctness + rl.formatWeight * others.reduce((sum, value) => sum + value, 0);
  const flatTotal = flat(total), flatCorrectness = flat(([correctness = 0]) => correctness);
  const equal = (flat: number) => `${share(flat, count)} of ${count} groups without variance`;
  return [
    {
      name: "completions end",
      found: `${share(ended, completions.length)} of ${completions.length} within ${rl.maxCompletionTokens} tokens`,
      problems: ended / completions.length > 1 - collapse.capShare ? [] : [
        `Cannot reach the end of sequence: ${
          share(ended, completions.length)
        } of the first completions end within ${rl.maxCompletionTokens} tokens … raise rl.maxCompletionTokens, or choose a policy that ends its answers`,
      ],
    },
    {
      name: "rewards differ",
      found: equal(flatTotal),
      problems: flatTotal < count ? [] : [
        "Cannot learn: in every group all completions earn the same … raise rl.completions or rl.temperature, or choose another policy",
      ],
    },
    {
      name: "correctness differs",
      found: `${equal(flatCorrectness)}, ${share(right, grades.length)} correct`,
      problems: flatCorrectness < count ? [] : [
        `Cannot learn to answer: no question has both right and other completions (${
          share(right, grades.length)
        } correct) … ${
          right === 0
            ? "lower task.level, raise rl.completions, or choose a stronger policy"
            : "choose harder questions"
        }`,
      ],
    },
  ];
}

function firstItems(source: ItemSource, n: number): TaskItem[] {
  return Array.from({ length: Math.min(n, source.size) }, (_, i) => source.item(i));
}

const squash = (text: string) => text.replace(/\s+/g, "");
const quote = (text: string) => JSON.stringify(text);

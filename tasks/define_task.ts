// The way in for a task of one's own: a file that exports defineTask({ … }), given as --task-file. It is checked for what
// a type checker does not see, and its worked example is graded. tests/examples/my_task.ts is a worked example of such a
// file. What takes data (splits that share a question, gold that its grader refuses) is the reward self-test's to find.

import { MisuseError } from "../harness/base/errors.ts";
import { isObject } from "../harness/base/json_file.ts";
import { checkName } from "../harness/base/legal_name.ts";
import { defaultConfig, overrideFields } from "../harness/config_options.ts";
import type { Task } from "../harness/contract.ts";
import { OWN_PROMPT } from "./style_task.ts";

/**
 * The task, checked.
 * @throws MisuseError for a name, or name of a reward, that is missing or not letters, digits and + - . _; another field
 * that is missing or of the wrong kind; defaults with a key or value that the config refuses; an example that its own
 * grader does not call correct, or grades with other than one finite value a reward
 */
export function defineTask(task: Task): Task {
  const given: Readonly<Record<string, unknown>> = { ...task }; // what a file without types may hold
  checkName("task", given["name"]);
  const refuse = (what: string) => new MisuseError(`Cannot define task "${task.name}": ${what}`);
  const found = (field: string) => `${field} is ${JSON.stringify(given[field]) ?? typeof given[field]}`;
  if (!Number.isSafeInteger(given["version"]) || task.version < 1) {
    throw refuse(`${found("version")}, must be an integer of at least 1`);
  }
  if (typeof given["summary"] !== "string" || given["summary"].trim() === "") {
    throw refuse(`${found("summary")}, must be a text that is not empty`);
  }
  checkRewards(given["rewards"], refuse);
  const optional = given["gradeLeniently"] === undefined ? [] : ["gradeLeniently"];
  for (const field of ["load", "prompt", "grade", ...optional, "answer"]) {
    if (typeof given[field] !== "function") throw refuse(`${found(field)}, must be a function`);
  }
  if (given["prompts"] !== undefined) checkPrompts(given["prompts"], refuse);
  if (given["sources"] !== undefined) checkSources(given["sources"], refuse);
  if (!isObject(given["defaults"])) {
    throw refuse(`${found("defaults")}, must be a mapping of config keys to values; {} for none`);
  }
  overrideFields(defaultConfig, given["defaults"], `defaults of task "${task.name}"`);
  checkExample(given["example"], refuse);
  const { item, completion } = task.example, { status, rewards } = task.grade(item, completion, false);
  if (status !== "correct") throw refuse(`its example is graded "${status}", must be graded "correct"`);
  const lenient = task.gradeLeniently?.(item, completion, false).status ?? status;
  if (lenient !== "correct") throw refuse(`its example is leniently graded "${lenient}", must be graded "correct"`);
  if (rewards.length !== task.rewards.length || !rewards.every(Number.isFinite)) {
    throw refuse(`grade gives the example the rewards [${rewards}], must give one number for each of ${task.rewards}`);
  }
  return task;
}

type Refuse = (what: string) => MisuseError;

function checkRewards(rewards: unknown, refuse: Refuse): void {
  if (!Array.isArray(rewards) || rewards.length === 0) {
    throw refuse("rewards must be a list of names, the first of them correctness");
  }
  for (const name of rewards) checkName("reward", name);
  if (rewards.includes("total")) throw refuse('rewards: "total" is the name of their sum; rename that one');
  if (new Set(rewards).size < rewards.length) throw refuse(`rewards ${rewards.join(", ")} must have different names`);
}

function checkPrompts(prompts: unknown, refuse: Refuse): void {
  if (!isObject(prompts)) throw refuse("prompts must be a mapping of names to functions");
  for (const [name, prompt] of Object.entries(prompts)) {
    checkName("prompt", name);
    if (name === OWN_PROMPT) throw refuse(`prompts: "${OWN_PROMPT}" is the name of prompt itself; rename that one`);
    if (typeof prompt !== "function") throw refuse(`prompts.${name} must be a function`);
  }
}

const relativePath = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;

function checkSources(sources: unknown, refuse: Refuse): void {
  if (!Array.isArray(sources) || sources.length === 0) throw refuse("sources must be a list of files");
  for (const [i, source] of sources.entries()) {
    const bad = (field: string, must: string) =>
      refuse(`sources.${i}.${field} is ${JSON.stringify(source?.[field]) ?? "missing"}, must be ${must}`);
    const fits = (field: string, pattern: RegExp) => isObject(source) && pattern.test(String(source[field]));
    if (!fits("path", relativePath)) throw bad("path", "a path below the data folder, with /");
    if (!fits("repository", /^[\w.-]+\/[\w.-]+$/)) throw bad("repository", '"org/name"');
    if (!fits("source", /^[^/\\].*$/)) throw bad("source", "a path in the repository");
    if (!fits("host", /^(github|hub)$/)) throw bad("host", '"github" or "hub"');
    if (fits("host", /^hub$/)) continue;
    if (!fits("revision", /^[0-9a-f]{40}$/)) throw bad("revision", "a commit");
    if (!fits("sha256", /^[0-9a-f]{64}$/)) throw bad("sha256", "the SHA-256 of the file");
    if (!fits("bytes", /^\d+$/)) throw bad("bytes", "its size");
  }
}

function checkExample(example: unknown, refuse: Refuse): void {
  const item = isObject(example) ? example["item"] : null;
  const texts = isObject(example) && isObject(item)
    ? { ...item, completion: example["completion"] }
    : { completion: undefined };
  for (const field of ["id", "question", "gold", "completion"]) {
    const value = new Map<string, unknown>(Object.entries(texts)).get(field);
    if (typeof value === "string" && value.trim() !== "") continue;
    throw refuse(`its example has ${field} ${JSON.stringify(value) ?? "missing"}, must be a text that is not empty`);
  }
}

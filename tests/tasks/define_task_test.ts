import { deepEqual, equal, match, throws } from "node:assert/strict";
import { MisuseError } from "../../harness/base/errors.ts";
import type { Task } from "../../harness/contract.ts";
import { defineTask } from "../../tasks/define_task.ts";
import { gsm8k } from "../../tasks/gsm8k.ts";
import { tasks } from "../../tasks/registry.ts";

const fine: Task = {
  name: "my-task",
  version: 1,
  summary: "mine",
  rewards: ["correctness"],
  load: () => Promise.reject(new Error("not in this test")),
  prompt: ({ question }) => [{ role: "user", content: question }],
  grade: ({ gold }, completion) => ({
    status: completion === gold ? "correct" : "wrong",
    extracted: completion,
    rewards: [completion === gold ? 1 : 0],
  }),
  defaults: {},
  answer: (_, answer) => answer,
  example: { item: { id: "1", question: "1+1?", gold: "2" }, completion: "2" },
};

Deno.test("defineTask() gives back what is in order: every task that ships", () => {
  for (const task of [fine, ...tasks]) equal(defineTask(task), task);
});

Deno.test("defineTask() says which field is wrong", () => {
  const refused = (fields: Readonly<Record<string, unknown>>, message: RegExp) => {
    const task = { ...fine };
    Object.assign(task, fields); // as from a file without types
    throws(() => defineTask(task), (error: unknown) => {
      if (!(error instanceof MisuseError)) throw error;
      match(error.message, message);
      return true;
    });
  };
  refused({ name: undefined }, /Cannot define the task: its name is missing/);
  for (const name of ["my task", "a/b", "..", "a:b"]) refused({ name }, /a name must be up to 64 letters/);
  refused({ version: 0 }, /Cannot define task "my-task": version is 0, must be an integer of at least 1/);
  refused({ version: "1" }, /version is "1"/);
  refused({ summary: undefined }, /summary is undefined, must be a text/);
  refused({ rewards: [] }, /rewards must be a list of names/);
  refused({ rewards: "correctness" }, /rewards must be a list of names/);
  refused({ rewards: ["correctness", ""] }, /Cannot define the reward: its name is ""/);
  refused({ rewards: ["correctness", "a b"] }, /Cannot define reward "a b"/);
  refused({ rewards: ["a", "a"] }, /rewards a, a must have different names/);
  refused({ rewards: ["correctness", "total"] }, /"total" is the name of their sum/);
  for (const field of ["load", "prompt", "grade", "answer"]) {
    refused({ [field]: undefined }, new RegExp(`${field} is undefined, must be a function`));
  }
  refused({ gradeLeniently: 3 }, /gradeLeniently is 3, must be a function/);
  refused({ gradeLeniently: () => ({ status: "wrong", extracted: "2" }) }, /its example is leniently graded "wrong"/);
  refused({ prompts: "plain" }, /prompts must be a mapping of names to functions/);
  refused({ prompts: { plain: 1 } }, /prompts\.plain must be a function/);
  refused({ prompts: { "a b": fine.prompt } }, /Cannot define prompt "a b"/);
  refused({ prompts: { paper: fine.prompt } }, /"paper" is the name of prompt itself/);
  const [source] = gsm8k.sources!;
  refused({ sources: [] }, /sources must be a list of files/);
  refused(
    { sources: [{ ...source, path: "../up" }] },
    /sources\.0\.path is "\.\.\/up", must be a path below the data folder/,
  );
  refused({ sources: [source, { ...source, host: "ftp" }] }, /sources\.1\.host is "ftp", must be "github" or "hub"/);
  refused({ sources: [{ ...source, revision: "main" }] }, /sources\.0\.revision is "main", must be a commit/);
  refused({ sources: [{ ...source, sha256: null }] }, /sources\.0\.sha256 is null, must be the SHA-256/);
  refused({ defaults: undefined }, /defaults is undefined, must be a mapping/);
  refused({ defaults: { "rl.update": 3 } }, /"rl\.update" \(defaults of task "my-task"\): .*"rl\.updates"/);
  refused({ defaults: { "rl.completions": 1 } }, /rl\.completions = 1/);
  refused({ example: undefined }, /its example has id missing/);
  refused({ example: { ...fine.example, completion: " " } }, /its example has completion " "/);
  refused({ example: { ...fine.example, item: { id: "1", question: "", gold: "2" } } }, /its example has question ""/);
  refused({ example: { ...fine.example, completion: "3" } }, /its example is graded "wrong"/);
  const graded = (rewards: readonly number[]) => () => ({ status: "correct", extracted: "2", rewards });
  refused({ grade: graded([1, 2]) }, /the rewards \[1,2\], must give one number for each of correctness/);
  refused({ grade: graded([NaN]) }, /the rewards \[NaN\]/);
});

Deno.test("answer() of the tasks that ship is graded by the answer that it gives, with the full reward for the layout", () => {
  for (const { example: { item }, answer, grade, rewards } of tasks) {
    const right = grade(item, answer(item, item.gold), false),
      wrong = grade(item, answer(item, `${item.gold}1`), false);
    equal(right.status, "correct");
    equal(wrong.status, "wrong");
    equal(grade(item, answer(item, ""), false).status, "unparseable");
    const paid = (name: string) => right.rewards[rewards.indexOf(name)];
    deepEqual(["correctness", "strictFormat", "softFormat", "tagCount"].map(paid), [1, 0.5, 0, 0.5]);
    equal(wrong.rewards[0], 0);
  }
});
